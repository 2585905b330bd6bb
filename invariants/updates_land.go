package invariants

import "github.com/ptcheck/ptcheck/model"

func updatesLand() Rule {
	return Rule{
		ID:      "updates-land",
		Says:    "update_va_mapping changes the entry that the kernel's live tables use for the address.",
		Applies: "at every update that is granted",
		Source:  "Xen, arch/x86/mm.c: do_update_va_mapping; XSA-213, XSA-286",
		Limits:  "looks at the upper entries after the update, which changes none of them",
		Goal:    "update_va_mapping is granted",
		Hyper:   true,
		event:   eventLands,
	}
}

func eventLands(r *Recount, st *model.Step) (Detail, bool) {
	if st.Op != model.OpUpdateVA || st.Errno != model.OK || st.Frame < 0 {
		return Detail{}, true
	}
	g := r.s.L.Geo
	f := r.s.CPU.CR3
	for level := g.Levels; level > 1 && f >= 0; level-- {
		slot := int(st.VA / g.Span(level) % slotSpan(g, level))
		e := r.s.Entry(g, f, slot)
		if e&model.Present == 0 {
			f = model.NoFrame
			break
		}
		f = r.s.L.Map.Frame(e.MFN())
	}
	slot := int(st.VA / g.Span(1) % slotSpan(g, 1))
	return Detail{Frame: st.Frame, Table: f, Slot: slot, VA: st.VA}, f == st.Frame && slot*g.Width == st.Off
}
