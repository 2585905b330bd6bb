package invariants

import "github.com/ptcheck/ptcheck/model"

func sparesReturned() Rule {
	return Rule{
		ID:      "spares-returned",
		Says:    "Whatever the boot allocator holds or has handed out for data is writable where it is mapped, and no table; a page that was taken for a table is one, or writable again.",
		Applies: "when a call of a later kernel ends and no table buffer is open",
		Source:  "Linux 279b706bf8 (pagetable_reserve), a3c6018e565d (the replaced table is released), 3fc509fc0c59 (what is freed with the list of machine frames); Xen 7a9d764630 (tables outside the range reserved for them)",
		Limits:  "write permission is that of all levels at the direct-map address; data that somebody else frees is not followed",
		Goal:    "a call ends",
		Kernel:  LaterKernel,
		check:   checkSpares,
	}
}

func checkSpares(c *Checker, st *model.Step) result {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	if e == nil || st.Op != model.OpCallEnd || c.s.Kernel.Phase == model.PhaseBoot || b.Open() {
		return silent
	}
	reach := c.reachable()
	static := model.FrameRange{From: c.s.L.Kernel.BootmemFirst, To: c.s.Kernel.BootmemNext}
	for pfn := range model.PFN(c.s.L.Map.Guest()) {
		if !e.IsRAM(pfn) {
			continue
		}
		table := reach.Has(pfn)
		data := b.Data.Has(pfn) || !b.Reserved.Has(pfn)
		if data && (table || c.s.L.Hyper != nil && c.view.isTable(model.Frame(pfn))) {
			return c.fail(Detail{Frame: model.Frame(pfn)})
		}
		if !data && (table || !b.Tables.Has(pfn) && !static.Has(pfn)) {
			continue
		}
		m, ok := c.directMapped(pfn)
		if ok && !m.writable || !ok && b.Data.Has(pfn) {
			return c.fail(Detail{Frame: model.Frame(pfn), VA: c.s.L.VA(pfn.PA()), Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
		}
	}
	return held
}
