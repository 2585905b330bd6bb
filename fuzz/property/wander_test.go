package property_test

import (
	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/model/explore"
)

// wanders is the property that a random walk through any model that can be searched
// finds nothing wrong: for the systems that have no machines to draw.
func wanders(make explore.Factory) func(*rapid.T) {
	m := make()
	return func(t *rapid.T) {
		d := drawer(t)
		m.Init(d("start of day", 0, m.Inits()-1))
		for range d("calls", 8, 40) {
			calls := m.Calls(nil)
			if len(calls) == 0 {
				return
			}
			kinds, byKind := sorted(calls)
			mine := byKind[kinds[d("kind", 0, len(kinds)-1)]]
			o := m.Apply(mine[d("call", 0, len(mine)-1)])
			switch o.Kind {
			case explore.Violated, explore.Crashed:
				t.Fatalf("%+v", o)
			case explore.Moved:
				m.Decode(m.Encode(nil)) // what follows starts from here
				if c, ok := m.(explore.StateChecker); ok && c.CheckState().Kind == explore.Violated {
					t.Fatalf("%+v", c.CheckState())
				}
			default:
				m.Restore()
			}
		}
	}
}

// sorted sorts calls by kind: the upper half of a boot system's code, the fourth
// byte of a guest's.
func sorted(calls []uint64) (kinds []uint64, byKind map[uint64][]uint64) {
	byKind = map[uint64][]uint64{}
	for _, c := range calls {
		k := c >> 32
		if k == 0 {
			k = c >> 24
		}
		if byKind[k] == nil {
			kinds = append(kinds, k)
		}
		byKind[k] = append(byKind[k], c)
	}
	return kinds, byKind
}
