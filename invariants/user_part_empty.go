package invariants

import "github.com/ptcheck/ptcheck/model"

func userPartEmpty() Rule {
	return Rule{
		ID:      "user-part-empty",
		Says:    "A new address space maps nothing in the user's part, neither what another one has there nor the boot's low mappings.",
		Applies: "when pgd_alloc ends",
		Source:  "Linux, arch/i386/mm/pgtable.c, 2007: pgd_ctor clears the user's entries and copies the kernel's",
		Limits:  "looks at present leaves, not at tables without any",
		Goal:    "pgd_alloc ends",
		Boot:    true,
		Kernel:  FirstKernel,
		check:   checkUserPart,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkUserPart(c *Checker, st *model.Step) result {
	root := c.s.Kernel.Second
	if st.Call.Kind != model.CallPgdAlloc || root == model.NoFrame {
		return silent
	}
	l := c.s.L
	for slot := range l.UserSlots() {
		if l.XenSlot(l.Geo.Levels, slot, false) {
			continue
		}
		if e := c.s.Entry(l.Geo, root, slot); e.Is(model.Present) && c.mapsAnything(e, l.Geo.Levels) {
			return c.fail(Detail{Frame: model.NoFrame, Table: root, Slot: slot, Got: uint64(e)})
		}
	}
	return held
}
