package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func storesDone() Rule {
	return Rule{
		ID:      "stores-done",
		Says:    "A store that the hypervisor carries out for the guest leaves in memory what was stored.",
		Applies: "at every emulated store; flags that Xen adds, those that processors set and how device memory is cached may differ",
		Source:  "Xen, arch/x86/pv/ro-page-fault.c: ptwr_emulated_update",
		Limits:  "the other half of an entry that is stored by halves may change: Xen makes it absent where the whole would be refused",
		Goal:    "a store is emulated",
		Machine: UnderHypervisor,
		Tell:    tellStored,
		guest: guest{
			event: eventStored,
			metAt: func(_ *Recount, s *model.Step) bool { return s.Op == model.OpEmulate && s.Errno == model.OK },
			needs: []Means{StoresToTables},
		},
	}
}

func eventStored(r *Recount, st *model.Step) (Detail, bool) {
	if st.Op != model.OpEmulate || st.Errno != model.OK {
		return Detail{}, true
	}
	g := r.s.L.Geo
	slot := st.Off / g.Width
	is := r.s.Entry(g, st.Frame, slot)
	may := model.User | model.Global | model.GuestKernel | accessBits
	if is.Is(model.Present) && r.s.L.IsDevice(is.MFN()) {
		may |= cacheBits // Xen sees to it that devices are not cached (get_page_from_l1e)
	}
	shift := 8 * uint(st.Off&7)
	mask := ^uint64(0) >> (64 - 8*st.Width)
	differs := (r.s.Word(st.Frame, st.Off/8)>>shift ^ st.Value) & mask &^ (uint64(may) >> shift)
	if differs == 0 {
		return Detail{}, true
	}
	return atEntry(st.Frame, slot, is).WithAddress(st.VA).WithWord(0, st.Value), false
}

func tellStored(v *Violation) string {
	return fmt.Sprintf("after the store of %#x at %s %s", v.word, v.page(), v.entry())
}
