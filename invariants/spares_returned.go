package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func sparesReturned() Rule {
	return Rule{
		ID:      "spares-returned",
		Says:    "Whatever the boot allocator holds or has handed out for data is writable where it is mapped, and no table; a page that was taken for a table is one, or writable again.",
		Applies: "when a call of a later kernel ends and no table buffer is open",
		Source:  "Linux 279b706bf8 (pagetable_reserve), a3c6018e565d (the replaced table is released), 3fc509fc0c59 (what is freed with the list of machine frames); Xen 7a9d764630 (tables outside the range reserved for them)",
		Limits:  "write permission is that of all levels at the direct-map address; data that somebody else frees is not followed",
		Goal:    "a call ends",
		Kernel:  LaterKernel,
		From:    model.PhaseStarted,
		Tell:    tellSpares,
		check:   checkSpares,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkSpares(c *Checker, _ *model.Step) result {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	if b.Open() {
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
			return c.fail(about(model.Frame(pfn)))
		}
		if !data && (table || !b.Tables.Has(pfn) && !static.Has(pfn)) {
			continue
		}
		m, ok := c.directMapped(pfn)
		if ok && !m.writable || !ok && b.Data.Has(pfn) {
			return c.fail(c.at(c.s.L.VA(pfn.PA()), c.s.Active(), m).WithFrame(model.Frame(pfn)))
		}
	}
	return held
}

func tellSpares(v *Violation) string {
	if v.has&partAddress != 0 {
		return fmt.Sprintf("%s is no table, and is not mapped writable at its address %s: %s", v.name(v.frame), v.page(), v.ends())
	}
	kind := "free"
	if v.State.Kernel.Buffer.Data.Has(model.PFN(v.frame)) {
		kind = "handed out for data"
	}
	return fmt.Sprintf("%s is %s, and in use as a table", v.name(v.frame), kind)
}
