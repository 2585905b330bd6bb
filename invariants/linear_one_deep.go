package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func linearOneDeep() Rule {
	return Rule{
		ID:      "linear-one-deep",
		Says:    "Same-level entries are read-only, lead to a table that has none itself, and are never in a PAE root.",
		Applies: "in every state of a hostile guest; chains and PAE roots only under rules that forbid them",
		Source:  "Xen, arch/x86/mm.c: get_linear_pagetable; XSA-182, XSA-185, XSA-240",
		Limits:  "an entry counts as same-level if the record of the frame that it names says so",
		Goal:    "a table has a same-level entry",
		Machine: UnderHypervisor,
		Tell:    tellLinear,
		guest: guest{
			state: stateLinear,
			metBy: (*Recount).hasLinear,
			needs: []Means{ReadOnlyEntries | WritesEntries, ReadOnlyMemory | Pins},
		},
	}
}

func stateLinear(r *Recount) (Detail, bool) {
	for _, f := range r.look {
		t := r.table(f)
		if t.Level() < 2 {
			continue
		}
		at, bad := 0, model.Entry(0)
		ok := r.children(f, t.Level(), func(slot int, e model.Entry, child model.Frame) bool {
			at, bad = slot, e
			return child < 0 || !r.sameLevel(f, t, child) || r.legalLinear(f, t, e, child)
		})
		if !ok {
			return atEntry(f, at, bad), false
		}
	}
	return Detail{}, true
}

// sameLevel reports whether an entry of a table is a same-level one.
func (r *Recount) sameLevel(f model.Frame, t model.Type, child model.Frame) bool {
	return child == f || r.table(child) == t && r.s.InfoAt(child).InUseAs(t)
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

// hasLinear reports whether a table has a same-level entry.
func (r *Recount) hasLinear() bool {
	for _, f := range r.look {
		t := r.table(f)
		if t.Level() > 1 && !r.children(f, t.Level(), func(_ int, _ model.Entry, child model.Frame) bool {
			return child < 0 || !r.sameLevel(f, t, child)
		}) {
			return true
		}
	}
	return false
}

func tellLinear(v *Violation) string {
	l, kind, to := v.State.L, v.uses(v.table).Table, v.name(v.to())
	switch {
	case l.PAESpecial() && kind.Level() == l.Geo.Root():
		return fmt.Sprintf("%s: a PAE root with an entry to a root", v.entry())
	case v.to() == v.table:
		return fmt.Sprintf("%s: %v %s names itself, writable", v.entry(), kind, to)
	case v.is.Is(model.RW):
		return fmt.Sprintf("%s: writable, and %s is %v as %s is", v.entry(), to, kind, v.name(v.table))
	}
	return fmt.Sprintf("%s: both are %v, and %s has a same-level entry itself", v.entry(), kind, to)
}
