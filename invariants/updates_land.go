package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func updatesLand() Rule {
	return Rule{
		ID:      "updates-land",
		Says:    "update_va_mapping changes the entry that the kernel's live tables use for the address.",
		Applies: "at every update that is granted",
		Source:  "Xen, arch/x86/mm.c: do_update_va_mapping; XSA-213, XSA-286",
		Limits:  "looks at the upper entries after the update, which changes none of them",
		Goal:    "update_va_mapping is granted",
		Machine: UnderHypervisor,
		Tell:    tellLands,
		guest: guest{
			event: eventLands,
			metAt: func(_ *Recount, s *model.Step) bool {
				return s.Op == model.OpUpdateVA && s.Errno == model.OK && s.Frame >= 0
			},
			needs: []Means{UpdatesByVA},
		},
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
	if f == st.Frame && slot*g.Width == st.Off {
		return Detail{}, true
	}
	d := about(st.Frame).WithAddress(st.VA)
	if f >= 0 {
		d = d.WithEntry(f, slot, r.s.Entry(g, f, slot))
	}
	return d, false
}

func tellLands(v *Violation) string {
	text := fmt.Sprintf("the update of page %s changes ", v.page())
	switch {
	case v.has&partEntry == 0:
		return fmt.Sprintf("%s%s; the kernel's tables have no L1 for it", text, v.name(v.frame))
	case v.table == v.frame:
		return fmt.Sprintf("%sanother slot of %s than %d", text, v.name(v.frame), v.slot)
	}
	return fmt.Sprintf("%s%s; the kernel's tables lead to %s", text, v.name(v.frame), v.slotName())
}
