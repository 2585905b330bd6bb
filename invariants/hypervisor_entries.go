package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func hypervisorEntries() Rule {
	return Rule{
		ID:      "hypervisor-entries",
		Says:    "The hypervisor's slots of every validated table hold what it puts there: its own entries, one that names the table itself, and its list of frames, which a root that is loaded for the kernel gets and one that is loaded for user mode loses where user mode is to be kept from it.",
		Applies: "in every state of a hostile guest, and at loads of roots, where the hypervisor's entries are modelled",
		Source:  "Xen, arch/x86/mm.c: init_xen_l4_slots, init_xen_pae_l2_slots, fill_ro_mpt, zap_ro_mpt",
		Limits:  "knows the list of frames by its entry in the root alone",
		Goal:    "a table with slots of the hypervisor's has come into use",
		Machine: UnderHypervisor,
		Tell:    tellXenEntries,
		guest: guest{
			state: stateXenEntries,
			event: eventM2P,
			metBy: func(r *Recount) bool { return len(r.s.L.Hyper.XenEntries) > 0 && r.newlyValid() },
			needs: []Means{FilledSlots | Pins, FilledSlots | LoadsRoots},
		},
	}
}

func stateXenEntries(r *Recount) (Detail, bool) {
	l := r.s.L
	h := l.Hyper
	if len(h.XenEntries) == 0 {
		return Detail{}, true
	}
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		if !i.InUseAs(model.TableType(h.XenLevel)) || !i.Is(model.Validated) {
			continue
		}
		for n, want := range h.XenEntries {
			slot := h.XenFirst + n
			if !l.XenSlot(h.XenLevel, slot, i.Is(model.PAEXenL2)) {
				continue
			}
			got := r.s.Entry(l.Geo, f, slot)
			switch {
			case slot == h.XenSelf:
				want = model.MakeEntry(l.Map.MFN(f), want)
			case n == 0 && h.XenOnLoad != 0 && got != 0:
				want = h.XenOnLoad
			case n == 0 && h.XenOnLoad != 0:
				want = 0
			}
			if got != want {
				return mustBe(f, slot, got, want), false
			}
		}
	}
	return Detail{}, true
}

// eventM2P looks at the list of frames in a root that has just been loaded.
func eventM2P(r *Recount, st *model.Step) (Detail, bool) {
	h := r.s.L.Hyper
	if h.XenOnLoad == 0 || st.Errno != model.OK || st.Frame < 0 || r.racing {
		return Detail{}, true
	}
	want := h.XenOnLoad
	switch {
	case st.Op == model.OpNewBaseptr && !r.s.StrictM2P() && st.Frame != r.was.CPU.CR3:
	case st.Op == model.OpUserBaseptr && r.s.StrictM2P() && st.Frame != r.was.CPU.UserCR3 && st.Value != 0:
		want = 0
	default:
		return Detail{}, true
	}
	got := r.s.Entry(r.s.L.Geo, st.Frame, h.XenFirst)
	return mustBe(st.Frame, h.XenFirst, got, want), got == want
}

func tellXenEntries(v *Violation) string {
	return fmt.Sprintf("%s, where the hypervisor has %s", v.entry(), v.EntryText(v.want))
}
