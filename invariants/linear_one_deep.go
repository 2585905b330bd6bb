package invariants

import "github.com/ptcheck/ptcheck/model"

func linearOneDeep() Rule {
	return Rule{
		ID:      "linear-one-deep",
		Says:    "Same-level entries are read-only, lead to a table that has none itself, and are never in a PAE root.",
		Applies: "in every state of a hostile guest; chains and PAE roots only under rules that forbid them",
		Source:  "Xen, arch/x86/mm.c: get_linear_pagetable; XSA-182, XSA-185, XSA-240",
		Limits:  "an entry counts as same-level if the record of the frame that it names says so",
		Goal:    "a table has a same-level entry",
		Hyper:   true,
		state:   stateLinear,
	}
}

func stateLinear(r *Recount) (Detail, bool) {
	for f := range r.frames() {
		t := r.table(f)
		if t.Level() < 2 {
			continue
		}
		d := Detail{Frame: f, Table: f}
		ok := r.children(f, t.Level(), func(slot int, e model.Entry, child model.Frame) bool {
			d.Slot, d.Got = slot, uint64(e)
			return child < 0 || !r.sameLevel(f, t, child) || r.legalLinear(f, t, e, child)
		})
		if !ok {
			return d, false
		}
	}
	return Detail{}, true
}

// sameLevel reports whether an entry of a table is a same-level one.
func (r *Recount) sameLevel(f model.Frame, t model.Type, child model.Frame) bool {
	return child == f || r.table(child) == t && r.s.InfoAt(child).Typ == t
}

func (r *Recount) legalLinear(f model.Frame, t model.Type, e model.Entry, child model.Frame) bool {
	l := r.s.L
	modern := l.Hyper.Profile.Modern
	if l.PAESpecial() && t.Level() == l.Geo.Root() {
		return !modern && e&model.RW == 0
	}
	if e&model.RW != 0 {
		return false
	}
	if child == f || !modern {
		return true
	}
	return r.children(child, t.Level(), func(_ int, _ model.Entry, next model.Frame) bool {
		return next < 0 || next == child || !r.sameLevel(child, t, next)
	})
}
