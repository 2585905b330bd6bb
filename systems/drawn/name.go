package drawn

import (
	"fmt"
	"strconv"
	"strings"
)

// prefix is how the names of drawn machines begin.
const prefix = "drawn-"

// Record draws a machine of a family and writes down its numbers: the name is the
// family's and, for each number, how far it lies above the least one that was
// possible; zeros at the end are left out.
func Record(k Kind, d Draw) (*Boot, string, error) {
	var numbers []int
	b, err := k.Draw(func(what string, lo, hi int) int {
		v := d(what, lo, hi)
		numbers = append(numbers, v-lo)
		return v
	})
	return b, Name(k, numbers), err
}

// Name is the name of the machine of a family that numbers stand for.
func Name(k Kind, numbers []int) string {
	for len(numbers) > 0 && numbers[len(numbers)-1] == 0 {
		numbers = numbers[:len(numbers)-1]
	}
	words := make([]string, max(1, len(numbers)))
	words[0] = "0"
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return prefix + k.String() + "-" + strings.Join(words, ".")
}

// IsName reports whether a name is meant to be that of a drawn machine.
func IsName(name string) bool { return strings.HasPrefix(name, prefix) }

// Parse is the reverse of Name.
func Parse(name string) (k Kind, numbers []int, err error) {
	for _, k = range Kinds() {
		rest, ok := strings.CutPrefix(name, prefix+k.String()+"-")
		if !ok {
			continue
		}
		for word := range strings.SplitSeq(rest, ".") {
			n, err := strconv.ParseUint(word, 10, 31)
			if err != nil {
				return k, nil, fmt.Errorf("drawn: %q: %q is no number", name, word)
			}
			numbers = append(numbers, int(n))
		}
		if Name(k, numbers) != name {
			return k, nil, fmt.Errorf("drawn: %q: want it written %q", name, Name(k, numbers))
		}
		return k, numbers, nil
	}
	return Kind{}, nil, fmt.Errorf("drawn: %q: want drawn-FAMILY-NUMBERS, of the families %v", name, Kinds())
}

// Make makes the machine with a name. Every list of numbers stands for one: a number
// above what is possible starts again from the least, one that is missing is zero.
func Make(name string) (*Boot, error) {
	k, numbers, err := Parse(name)
	if err != nil {
		return nil, err
	}
	return k.Draw(func(_ string, lo, hi int) int {
		if len(numbers) == 0 {
			return lo
		}
		n := numbers[0]
		numbers = numbers[1:]
		return lo + n%(hi-lo+1)
	})
}

// Simpler lists the numbers of machines that are simpler by one number: it is
// halved, one less, or zero. The simplest come first.
func Simpler(numbers []int) [][]int {
	var out [][]int
	for i, n := range numbers {
		for _, less := range [...]int{0, n / 2, n - 1} {
			if less < 0 || less == n || len(out) > 0 && out[len(out)-1][i] == less {
				continue
			}
			v := append([]int(nil), numbers...)
			v[i] = less
			out = append(out, v)
		}
	}
	return out
}
