package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

// sighting is an entry that maps a page, under a root.
type sighting struct {
	table
	slot int
	e    model.Entry
}

// address is where the page that it maps begins.
func (x *sighting) address() model.VA {
	return x.g.Wrap(x.base + model.VA(x.slot)*x.g.Span(x.level))
}

// sightings visits the entries under all roots, until see returns false: those of
// processors, the kernel's, and those of processes, whether they run or not. Each entry
// comes once.
func (v *Violation) sightings(see func(x sighting) bool) {
	s := v.State
	roots := s.Roots()
	all := roots[:]
	if s.L.Kernel.MaxLowPFN > 0 {
		all = append(all, model.Frame(s.L.Kernel.Root))
	}
	for i := range s.Kernel.Life.MM {
		if s.L.Life != nil {
			all = append(all, s.Kernel.Life.MM[i].Root, s.Kernel.Life.MM[i].User)
		}
	}
	seen := map[entryPlace]bool{}
	for _, f := range all {
		if f < 0 {
			continue
		}
		on := rootOf(s, s.L.Geo, f).walk(nil, func(t table, slot int, e model.Entry) bool {
			at := entryPlace{t.frame, slot}
			if seen[at] {
				return true
			}
			seen[at] = true
			return see(sighting{t, slot, e})
		})
		if !on {
			return
		}
	}
}

// there says at which address the entry concerned maps what it maps, and in which part of
// the address space: with a space before it, or "" where nobody's tables lead to it.
func (v *Violation) there() (text string) {
	v.sightings(func(x sighting) bool {
		if x.frame != v.table || x.slot != v.slot {
			return true
		}
		text = " at " + v.place(&x)
		return false
	})
	return text
}

// place says where an entry maps something.
func (v *Violation) place(x *sighting) string {
	va, l := x.address(), v.State.L
	text := fmt.Sprintf("%#x", uint64(va))
	if l.Kernel.MaxLowPFN == 0 {
		return text // a hostile guest's own address space
	}
	for _, a := range areas() {
		if a.has(l, x.level, va) {
			return text + " in " + a.name
		}
	}
	return text
}
