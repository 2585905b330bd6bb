package invariants

import "github.com/ptcheck/ptcheck/model"

func storesDone() Rule {
	return Rule{
		ID:      "stores-done",
		Says:    "A store that the hypervisor carries out for the guest leaves in memory what was stored.",
		Applies: "at every emulated store; flags that Xen adds and those that processors set may differ",
		Source:  "Xen, arch/x86/pv/ro-page-fault.c: ptwr_emulated_update",
		Limits:  "the other half of an entry that is stored by halves may change: Xen makes it absent where the whole would be refused",
		Goal:    "a store is emulated",
		Hyper:   true,
		event:   eventStored,
	}
}

func eventStored(r *Recount, st *model.Step) (Detail, bool) {
	if st.Op != model.OpEmulate || st.Errno != model.OK {
		return Detail{}, true
	}
	const may = model.User | model.Global | model.GuestKernel | model.Accessed | model.Dirty
	shift := 8 * uint(st.Off&7)
	mask := ^uint64(0) >> (64 - 8*st.Width)
	differs := (r.s.Word(st.Frame, st.Off/8)>>shift ^ st.Value) & mask &^ (uint64(may) >> shift)
	return Detail{Frame: st.Frame, Slot: st.Off / 8, VA: st.VA, Want: st.Value, Got: r.s.Word(st.Frame, st.Off/8)}, differs == 0
}
