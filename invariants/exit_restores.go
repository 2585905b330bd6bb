package invariants

import "github.com/ptcheck/ptcheck/model"

func exitRestores() Rule {
	return Rule{
		ID:      "exit-restores",
		Says:    "When an address space has ended, none of its pages is pinned, and those that are tables no more are writable.",
		Applies: "when exit ends while booting, under a hypervisor, to the pages of the boot allocator",
		Source:  "Linux df912ea4, xen_pgd_unpin and unpin_page",
		Limits:  "write permission is that at the direct-map address; while the machine lives on nothing-left-behind says more",
		Goal:    "exit ends",
		Hyper:   true,
		Boot:    true,
		Kernel:  FirstKernel,
		check:   checkExit,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkExit(c *Checker, st *model.Step) result {
	l := c.s.L
	if l.Hyper == nil || st.Call.Kind != model.CallExit {
		return silent
	}
	for pfn := l.Kernel.BootmemFirst; pfn < c.s.Kernel.BootmemNext; pfn++ {
		f := model.Frame(pfn)
		if c.trees.inUse(f) || c.view.isTable(f) && !pinned(c.s, f) {
			continue
		}
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), l.VA(pfn.PA()))
		if pinned(c.s, f) || ok && !m.writable {
			return c.fail(Detail{Frame: f, VA: l.VA(pfn.PA()), Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
		}
	}
	return held
}
