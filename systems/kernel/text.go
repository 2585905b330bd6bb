package kernel

import (
	"fmt"
	"strings"
)

// Scenario writes a path as a scenario file: one that Play runs again.
func (s *System) Scenario(init int, path []Call, headline string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nsystem %s\n", headline, s.Name)
	if s.lowmem != 0 {
		fmt.Fprintf(&b, "scope lowmem %d\n", s.lowmem)
	}
	if s.stale != 0 {
		fmt.Fprintf(&b, "scope stale %d\n", s.stale)
	}
	if s.budget != 0 {
		fmt.Fprintf(&b, "scope budget %d\n", s.budget)
	}
	fmt.Fprintf(&b, "start %s\n", s.Inits[init].Name)
	for _, c := range path {
		fmt.Fprintf(&b, "%v\n", c)
	}
	return []byte(b.String())
}

// Bounds are the bounds of low memory and of stale leaves that the system was
// asked for, 0 if none.
func (s *System) Bounds() (lowmem, stale int) { return s.lowmem, s.stale }

// Budget is the bound of the operations of a call that the system was asked for, 0 if
// none.
func (s *System) Budget() int { return s.budget }

// startNames are the names of the start-of-day states.
func (s *System) StartNames() []string {
	var names []string
	for i := range s.Inits {
		names = append(names, s.Inits[i].Name)
	}
	return names
}
