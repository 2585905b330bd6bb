package kernel

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/systems/drawn"
)

// scope is where the calls of a scenario begin: a member of a family.
type scope struct {
	lowmem, stale int    // bounds of the family; 0: its own
	special       string // the name of a start of day outside the family; "": a member
	init          int    // number in the family; special ones come last
}

// simplerMachines are the scopes of drawn machines that are simpler than a scope's
// by one number; none if it is not of a drawn one.
func simplerMachines(s scope) []scope {
	if !drawn.IsName(s.special) {
		return nil
	}
	k, numbers, err := drawn.Parse(s.special)
	if err != nil {
		return nil
	}
	var out []scope
	for _, n := range drawn.Simpler(numbers) {
		out = append(out, scope{special: drawn.Name(k, n)})
	}
	return out
}

// compareSpecial orders the names of starts of day outside the family, "" first. Of
// drawn machines: fewer numbers, fewer that are not zero, smaller ones, then by name,
// which tells families apart.
func compareSpecial(a, b string) int {
	if a == b || a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	_, x, errX := drawn.Parse(a)
	_, y, errY := drawn.Parse(b)
	if errX != nil || errY != nil {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
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
