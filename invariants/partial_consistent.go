package invariants

import "github.com/ptcheck/ptcheck/model"

func partialConsistent() Rule {
	return Rule{
		ID:      "partial-consistent",
		Says:    "A table whose audit or release was interrupted is above L1 and not pinned; the entries before the place where it stopped hold tables, and the one there, if it is marked, a frame that is still the guest's.",
		Applies: "in every state of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: PGT_partial, nr_validated_ptes, partial_flags; XSA-273, XSA-299, XSA-310",
		Limits:  "how many references are held is the business of counts-agree",
		Goal:    "the audit or release of a table is unfinished",
		Hyper:   true,
		state:   statePartial,
	}
}

func statePartial(r *Recount) (Detail, bool) {
	g := r.s.L.Geo
	for f := range r.frames() {
		i := r.s.InfoAt(f)
		if !i.Is(model.Partial) {
			continue
		}
		level, n := i.Typ.Level(), int(i.NrValid)
		d := Detail{Frame: f, Table: f, Slot: n}
		if level < 2 || i.T == 0 || i.Flags&(model.Validated|model.Pinned) != 0 || n > g.Slots[level] {
			return d, false
		}
		ok := r.children(f, level, func(slot int, e model.Entry, child model.Frame) bool {
			d.Slot, d.Got = slot, uint64(e)
			return child == f || child >= 0 && legalEntry(r, f, level, slot, e, child)
		})
		if !ok {
			return d, false
		}
		if i.Is(model.PartialEntry) && !r.unfinished(f, n, level) {
			d.Slot = n
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
