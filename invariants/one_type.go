package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func oneType() Rule {
	return Rule{
		ID:      "one-type",
		Says:    "A frame in use has one type at a time, and the PAE L2 with Xen's slots one parent.",
		Applies: "in every state of a hostile guest, and when a call of a kernel under a hypervisor ends",
		Source:  "Xen, arch/x86/mm.c: _get_page_type, pae_xen_mappings_check; XSA-226, XSA-248",
		Limits:  "memory alone does not show whether an entry names a table of the level below or one of its own: there the hypervisor's record is believed",
		Goal:    "a call ends; of a hostile guest: a frame is in use in two places, registers aside",
		Machine: UnderHypervisor,
		Tell:    tellOneType,
		ops:     []model.Op{model.OpCallEnd},
		check:   atCallEnds(stateOneType),
		guest:   guest{state: stateOneType, metBy: (*Recount).usedTwice, needs: []Means{Pins, Lends, WritesEntries | SeveralSlots}},
	}
}

func stateOneType(r *Recount) (Detail, bool) {
	if f, a, b := r.clash(); f != model.NoFrame {
		return about(f).WithTypes(a, b), false
	}
	if r.s.L.PAESpecial() {
		return oneParent(r)
	}
	return Detail{}, true
}

// oneParent looks at the L2s with Xen's slots of a PAE guest. Same-level entries
// of other L2s are no parents.
func oneParent(r *Recount) (Detail, bool) {
	g := r.s.L.Geo
	r.seen.Clear()
	for _, f := range r.look {
		if r.table(f).Level() != g.Root() || r.s.InfoAt(f).Is(model.Partial) {
			continue
		}
		slot := g.Slots[g.Root()] - 1
		e := r.s.Entry(g, f, slot)
		child := r.s.L.Map.Frame(e.MFN())
		if e&model.Present == 0 || child < 0 || child == f {
			continue
		}
		if !r.seen.Add(child, 0) {
			return atEntry(f, slot, e).WithFrame(child), false
		}
	}
	return Detail{}, true
}

// usedTwice reports whether a frame is in use in two places, registers aside.
func (r *Recount) usedTwice() bool {
	roots := r.s.Roots()
	for _, f := range r.look {
		uses := int(r.census.Tallies[f].T)
		if uses < 2 {
			continue
		}
		for _, root := range roots {
			if root == f {
				uses--
			}
		}
		if uses > 1 {
			return true
		}
	}
	return false
}

func tellOneType(v *Violation) string {
	if v.has&partTypes != 0 {
		return fmt.Sprintf("%s is used as %v and as %v", v.name(v.frame), v.types[0], v.types[1])
	}
	return fmt.Sprintf("%s, and another root entry names %s in its last slot, too", v.entry(), v.name(v.frame))
}
