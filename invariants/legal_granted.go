package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func legalGranted() Rule {
	return Rule{
		ID:      "legal-granted",
		Says:    "What breaks none of the hypervisor's rules is granted.",
		Applies: "at updates, pins and unpins, loads of roots and descriptor tables, clears, copies and stores of a hostile guest whose tables are all finished",
		Source:  "Xen, arch/x86/mm.c: get_page_type, get_page_from_l1e to get_page_from_l4e, mod_l1_entry to mod_l4_entry",
		Limits:  "says nothing of operations that race, of descriptor tables that are not empty, and of updates by address through a linear map that may be out of date",
		Goal:    "an operation is granted that breaks no rule",
		Machine: UnderHypervisor,
		Tell:    tellLegal,
		guest: guest{
			event: eventLegal,
			metAt: func(r *Recount, s *model.Step) bool { return s.Errno == model.OK && r.legal(s) },
			needs: []Means{StoresEntries, AsksForUses},
		},
	}
}

func eventLegal(r *Recount, st *model.Step) (Detail, bool) {
	if st.Errno == model.OK || st.Errno == model.ERESTART && st.Op != model.OpUnpin || !r.legal(st) {
		return Detail{}, true
	}
	return Detail{}.WithRefused(st.Op).Because(st.Errno.String()), false
}

// legal reports whether an operation breaks no rule, as far as that can be told.
func (r *Recount) legal(st *model.Step) bool {
	if r.racing || r.was.Dying() || r.was.Ended() || r.unfinishedTables() {
		return false
	}
	r.audit.begin(r.was, r.earlier())
	ok := r.allowed(st)
	r.audit.end()
	return ok
}

// allowed tries out an operation.
func (r *Recount) allowed(st *model.Step) bool {
	a, g := &r.audit, r.s.L.Geo
	switch f := st.Frame; st.Op {
	case model.OpMMUUpdate:
		return (st.Cmd == 0 || st.Cmd == uint8(model.MMUPreserveAD) && r.s.L.Hyper.Profile.Modern) &&
			a.store(f, st.Off/g.Width, model.Entry(st.Value))
	case model.OpUpdateVA:
		f, slot := r.leafOf(st.VA)
		return f >= 0 && a.ours(f) && a.t[f].T > 0 && a.t[f].Typ == model.TypeL1 && a.update(f, 1, slot, model.Entry(st.Value))
	case model.OpEmulate:
		return r.legalStore(st)
	case model.OpPin:
		return st.Level > g.Levels || f >= 0 && !pinned(r.was, f) && a.take(f, model.TableType(st.Level), false)
	case model.OpUnpin:
		return f >= 0 && pinned(r.was, f)
	case model.OpNewBaseptr:
		return f == r.was.CPU.CR3 || a.take(f, model.TableType(g.Levels), false)
	case model.OpUserBaseptr:
		return g.SignExtend && (st.Value == 0 || f == r.was.CPU.UserCR3 || a.take(f, model.TableType(g.Levels), false))
	case model.OpSetGDT:
		return st.Level == 0 || st.Level == 1 && a.take(f, model.TypeSegDesc, false)
	case model.OpClearFrame:
		return r.s.L.Hyper.Profile.Modern && a.take(f, model.TypeWritable, false)
	case model.OpCopyFrame:
		return r.s.L.Hyper.Profile.Modern && a.ours(r.s.L.Map.Frame(model.MFN(st.Value))) && a.take(f, model.TypeWritable, false)
	}
	return false
}

// unfinishedTables reports whether the audit or the release of a table is not over, or
// the hypervisor has forgotten references: then what can be had is hard to say.
func (r *Recount) unfinishedTables() bool {
	if r.was.Pending() != model.NoFrame {
		return true
	}
	if r.ledger != nil {
		return r.ledger.Unfinished() > 0
	}
	for f := range r.was.L.Map.Frames() {
		if i := r.was.InfoAt(model.Frame(f)); i.Flags&model.Partial != 0 || i.Forgotten != 0 {
			return true
		}
	}
	return false
}

// leafOf is the place of the leaf entry of an address before the operation, by a walk
// of the kernel's tables; NoFrame if there is none, or if the hypervisor may see
// another one.
func (r *Recount) leafOf(va model.VA) (model.Frame, int) {
	g, s := r.s.L.Geo, r.was
	if r.s.L.Hyper.LinearMap || g.Wrap(va) != va {
		return model.NoFrame, 0
	}
	f := s.CPU.CR3
	for level := g.Levels; level > 1; level-- {
		slot := int(va / g.Span(level) % slotSpan(g, level))
		if f < 0 || slot >= g.Slots[level] || s.L.XenSlot(level, slot, r.earlier().Tallies[f].Special) {
			return model.NoFrame, 0
		}
		e := s.Entry(g, f, slot)
		if e&model.Present == 0 || level == 2 && e&model.PSE != 0 {
			return model.NoFrame, 0
		}
		f = s.L.Map.Frame(e.MFN())
	}
	return f, int(va / g.Span(1) % slotSpan(g, 1))
}

// legalStore reports whether a store of the guest's to a read-only page must be
// carried out: a whole, aligned one to a leaf table in use.
func (r *Recount) legalStore(st *model.Step) bool {
	a, g := &r.audit, r.s.L.Geo
	m, ok := resolve(r.was, g, r.was.CPU.CR3, st.VA)
	if !ok || r.was.StoresOff() || m.level != 1 || m.leaf&model.RW != 0 || m.frame < 0 || st.Width != g.Width || st.Off%g.Width != 0 {
		return false
	}
	y := &a.t[m.frame]
	return a.ours(m.frame) && y.T > 0 && y.Typ == model.TypeL1 && a.update(m.frame, 1, st.Off/g.Width, model.Entry(st.Value))
}

func tellLegal(v *Violation) string {
	return fmt.Sprintf("%v is answered with %s, and no rule forbids it", v.refused, v.why)
}
