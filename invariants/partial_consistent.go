package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func partialConsistent() Rule {
	return Rule{
		ID:      "partial-consistent",
		Says:    "A table whose audit or release was interrupted is above L1 and not pinned; the entries before the place where it stopped hold tables, and the one there, if it is marked, a frame that is still the guest's.",
		Applies: "in every state of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: PGT_partial, nr_validated_ptes, partial_flags; XSA-273, XSA-299, XSA-310",
		Limits:  "how many references are held is the business of counts-agree",
		Goal:    "the audit or release of a table is unfinished",
		Machine: UnderHypervisor,
		Tell:    tellPartial,
		Counts:  true,
		guest:   guest{state: statePartial, metBy: (*Recount).hasPartial, needs: []Means{Interrupts | Interruptible, PinsUnfinished}},
	}
}

func statePartial(r *Recount) (Detail, bool) {
	g := r.s.L.Geo
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		if !i.Is(model.Partial) {
			continue
		}
		level, n := i.Typ.Level(), int(i.NrValid)
		d := about(f)
		if level < 2 || i.T == 0 || i.Flags&(model.Validated|model.Pinned) != 0 || n > g.Slots[level] {
			return d, false
		}
		ok := r.children(f, level, func(slot int, e model.Entry, child model.Frame) bool {
			d = atEntry(f, slot, e).WithFrame(f)
			return child == f || child >= 0 && legalEntry(r, f, level, slot, e, child)
		})
		if !ok {
			return d, false
		}
		if i.Is(model.PartialEntry) && !r.unfinished(f, n, level) {
			if d = about(f); n < g.Slots[level] {
				d = d.WithEntry(f, n, r.s.Entry(g, f, n))
			}
			return d, false
		}
	}
	return Detail{}, true
}

// unfinished reports whether an entry can be one whose table is unfinished: it
// names a frame that the guest still has.
func (r *Recount) unfinished(f model.Frame, slot, level int) bool {
	l := r.s.L
	if slot >= l.Geo.Slots[level] {
		return false
	}
	e := r.s.Entry(l.Geo, f, slot)
	child := l.Map.Frame(e.MFN())
	return e&model.Present != 0 && child >= 0 && r.s.InfoAt(child).G > 0
}

func (r *Recount) hasPartial() bool {
	for _, f := range r.look {
		if r.s.InfoAt(f).Is(model.Partial) {
			return true
		}
	}
	return false
}

func tellPartial(v *Violation) string {
	text := fmt.Sprintf("%s is %s, up to slot %d", v.name(v.frame), v.record(v.frame), v.State.InfoAt(v.frame).NrValid)
	if v.has&partEntry == 0 {
		return text
	}
	if v.to() < 0 {
		return fmt.Sprintf("%s; %s, which names no frame of the guest's", text, v.entry())
	}
	return fmt.Sprintf("%s; %s, and %s is %s", text, v.entry(), v.name(v.to()), v.record(v.to()))
}
