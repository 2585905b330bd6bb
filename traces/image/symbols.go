package image

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
)

// Symbols are the names that a kernel has for addresses: /proc/kallsyms or a System.map.
type Symbols struct {
	list []symbol // ascending
}

type symbol struct {
	at   uint64
	name string
}

// Bounds on symbols: kernels with all debugging have some 300,000, of 512 letters at most.
const (
	mostSymbols = 4 << 20
	mostLine    = 4096
	// farthest is how far behind a symbol an address may be to be told by it.
	farthest = 1 << 24
)

// ReadSymbols reads a file of lines such as "ffffffff81000000 T _text", plain or packed
// with gzip.
func ReadSymbols(name string) (*Symbols, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("image: %s: %w", name, err)
		}
	}
	s, err := ParseSymbols(r)
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", name, err)
	}
	return s, nil
}

// ParseSymbols reads lines of address, type and name; a module's name may follow.
func ParseSymbols(r io.Reader) (*Symbols, error) {
	s := &Symbols{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, mostLine), mostLine)
	n := 0
	for lines.Scan() {
		n++
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 || len(fields[1]) != 1 {
			return nil, fmt.Errorf("line %d: want an address, a type and a name", n)
		}
		at, err := strconv.ParseUint(fields[0], 16, 64)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %q is no address", n, fields[0])
		case len(s.list) == mostSymbols:
			return nil, fmt.Errorf("more than %d symbols", mostSymbols)
		case at != 0:
			s.list = append(s.list, symbol{at, strings.Clone(fields[2])})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	if len(s.list) == 0 {
		return nil, errors.New("no symbol has an address: the kernel hides them from users that are not root")
	}
	sort.SliceStable(s.list, func(i, j int) bool { return s.list[i].at < s.list[j].at })
	return s, nil
}

// At names an address by the symbol before it, "" if none is near.
func (s *Symbols) At(va uint64) string {
	if s == nil {
		return ""
	}
	i := sort.Search(len(s.list), func(i int) bool { return s.list[i].at > va })
	if i == 0 || va-s.list[i-1].at > farthest {
		return ""
	}
	x := &s.list[i-1]
	// Of several names for one address the first is told.
	for i > 1 && s.list[i-2].at == x.at {
		i--
		x = &s.list[i-1]
	}
	if va == x.at {
		return x.name
	}
	return fmt.Sprintf("%s+%#x", x.name, va-x.at)
}
