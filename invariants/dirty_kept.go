package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func dirtyKept() Rule {
	return Rule{
		ID:      "dirty-kept",
		Says:    "An update that is to keep the accessed and dirty bits loses none that a processor sets meanwhile: a page that a processor can write to through its TLB has been marked as dirty.",
		Applies: "at updates of a hostile guest with MMU_PT_UPDATE_PRESERVE_AD, also where processors race, on machines that keep these bits",
		Source:  "Xen, arch/x86/pv/mm.h: update_intpte; Intel SDM vol. 3, 4.8",
		Limits:  "sees a bit that was lost by the translation that the processor has cached",
		Goal:    "an update keeps the bits of an entry through which a processor can write",
		Machine: UnderHypervisor,
		Tell:    tellDirtyKept,
		guest: guest{
			event: eventDirtyKept,
			metAt: func(r *Recount, s *model.Step) bool { _, ok := r.writtenThrough(s); return ok },
			needs: []Means{KeepsUse | MarksUse | UsesPages | StaleTLB},
		},
	}
}

func eventDirtyKept(r *Recount, st *model.Step) (Detail, bool) {
	page, ok := r.writtenThrough(st)
	if !ok {
		return Detail{}, true
	}
	slot := st.Off / r.s.L.Geo.Width
	e := r.s.Entry(r.s.L.Geo, st.Frame, slot)
	return atEntry(st.Frame, slot, e).WithAddress(page), e.Is(model.Dirty)
}

// writtenThrough is a page that a processor can write to, because it has been told so
// by the very entry that an update keeps the bits of since that began, or before
// while the entry was dirty.
func (r *Recount) writtenThrough(st *model.Step) (model.VA, bool) {
	l := r.s.L
	if !l.AccessBits || st.Op != model.OpMMUUpdate || st.Cmd != uint8(model.MMUPreserveAD) || st.Errno != model.OK {
		return 0, false
	}
	slot := st.Off / l.Geo.Width
	old, now := r.was.Entry(l.Geo, st.Frame, slot), r.s.Entry(l.Geo, st.Frame, slot)
	if now&(model.Present|model.RW) != model.Present|model.RW || old.MFN() != now.MFN() {
		return 0, false
	}
	for n := range r.s.Processors() {
		for t := range r.s.TLBOf(n).Each {
			if !t.Writable || t.Frame != l.Map.Frame(now.MFN()) || old&model.Dirty == 0 && writableIn(r.was.TLBOf(n), t.Page) {
				continue
			}
			if m, ok := resolve(r.s, l.Geo, r.s.CPUOf(n).CR3, t.Page); ok && m.table == st.Frame && m.slot == slot {
				return t.Page, true
			}
		}
	}
	return 0, false
}

// writableIn reports whether a TLB holds a writable translation of a page.
func writableIn(t *model.TLB, page model.VA) bool {
	for c := range t.Each {
		if c.Page == page && c.Writable {
			return true
		}
	}
	return false
}

func tellDirtyKept(v *Violation) string {
	return fmt.Sprintf("%s, and not dirty; a processor can write to page %s", v.entry(), v.page())
}
