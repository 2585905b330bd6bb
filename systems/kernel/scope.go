package kernel

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/systems/drawn"
)

// Bounds are the bounds of a family of machines and of the calls made on them, as
// lines "scope" have them; 0: the family's own.
type Bounds struct {
	Lowmem int // frames of low memory
	Stale  int // least number of leaves with the builder's attributes
	Budget int // operations of a call
}

// bound is a bound with its name and its largest value.
type bound struct {
	name  string
	value *int
	most  int
}

// each lists the bounds, in the order in which scenario files have them.
func (b *Bounds) each() []bound {
	return []bound{{"lowmem", &b.Lowmem, 1 << 16}, {"stale", &b.Stale, 1 << 16}, {"budget", &b.Budget, maxBudget}}
}

// scope is where the calls of a scenario begin: a member of a family.
type scope struct {
	Bounds
	special string // the name of a start of day outside the family; "": a member
	init    int    // number in the family; special ones come last
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
		out = append(out, scope{Bounds: Bounds{Budget: s.Budget}, special: drawn.Name(k, n)})
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
