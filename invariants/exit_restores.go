package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func exitRestores() Rule {
	return Rule{
		ID:      "exit-restores",
		Says:    "When an address space has ended, none of its pages is pinned, and those that are tables no more are writable.",
		Applies: "when exit ends while booting, under a hypervisor, to the pages of the boot allocator",
		Source:  "Linux df912ea4, xen_pgd_unpin and unpin_page",
		Limits:  "write permission is that at the direct-map address; while the machine lives on nothing-left-behind says more",
		Goal:    "exit ends",
		Machine: UnderHypervisor,
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellExit,
		check:   checkExit,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkExit(c *Checker, st *model.Step) result {
	l := c.s.L
	if st.Call.Kind != model.CallExit {
		return silent
	}
	for pfn := l.Kernel.BootmemFirst; pfn < c.s.Kernel.BootmemNext; pfn++ {
		f := model.Frame(pfn)
		if c.trees.inUse(f) || c.view.isTable(f) && !pinned(c.s, f) {
			continue
		}
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), l.VA(pfn.PA()))
		if pinned(c.s, f) || ok && !m.writable {
			return c.fail(c.at(l.VA(pfn.PA()), l.Geo, m).WithFrame(f))
		}
	}
	return held
}

func tellExit(v *Violation) string {
	if pinned(v.State, v.frame) {
		return fmt.Sprintf("%s, a page of the address space that has ended, is still pinned", v.name(v.frame))
	}
	return fmt.Sprintf("%s is no table any more, and is not writable at its address %s: %s", v.name(v.frame), v.page(), v.entry())
}
