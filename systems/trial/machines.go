package trial

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/systems/drawn"
)

// simplerMachines are the scopes of drawn machines that are simpler than a scope's
// by one number; none if it is not of a drawn one.
func simplerMachines(s bootScope) []bootScope {
	if s.drawn == "" {
		return nil
	}
	k, numbers, err := drawn.Parse(s.drawn)
	if err != nil {
		return nil
	}
	var out []bootScope
	for _, n := range drawn.Simpler(numbers) {
		out = append(out, bootScope{drawn: drawn.Name(k, n)})
	}
	return out
}

// compareMachines orders the names of drawn machines, "" first: fewer numbers, fewer
// that are not zero, smaller ones, then by name, which tells families apart.
func compareMachines(a, b string) int {
	if a == b || a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	_, x, _ := drawn.Parse(a)
	_, y, _ := drawn.Parse(b)
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(nonZero(x), nonZero(y)), slices.Compare(x, y), cmp.Compare(a, b))
}

func nonZero(numbers []int) (n int) {
	for _, v := range numbers {
		if v != 0 {
			n++
		}
	}
	return n
}
