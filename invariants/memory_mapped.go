package invariants

import (
	"github.com/ptcheck/ptcheck/model"
)

func memoryMapped() Rule {
	return Rule{
		ID:      "memory-mapped",
		Says:    "All memory that the machine has is mapped at its own address in the direct map, and under a hypervisor shared_info at its own in the fixmap.",
		Applies: "when a call ends and nobody is in the middle of one: of later kernels from setup_done on, memory that has been ballooned up included; of kernels that have booted at any time",
		Source:  "Linux, init_mem_mapping, init_memory_mapping; xen_pagetable_setup_done; increase_reservation (drivers/xen/balloon.c)",
		Limits:  "looks at the tables under the kernel's own root; with what rights is the business of pages-protected",
		Goal:    "a call ends when all is to be mapped",
		Kernel:  GrownKernel,
		From:    model.PhaseDone,
		Tell:    tellMapped,
		check:   checkMapped,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkMapped(c *Checker, st *model.Step) result {
	l := c.s.L
	if st.Busy || st.Call.Kind == model.CallNone || l.Life != nil && !c.quiet(st) {
		return silent
	}
	for pfn := range l.Kernel.MaxLowPFN {
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), l.VA(pfn.PA()))
		if c.memory(pfn) && (!ok || m.frame != model.Frame(pfn)) {
			return c.fail(c.at(l.VA(pfn.PA()), l.Geo, m).WithFrame(model.Frame(pfn)))
		}
	}
	if l.Hyper != nil {
		return c.fixmapIs(l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, model.Present, model.Present)
	}
	return held
}

// memory reports whether a frame of low memory is there: later machines have holes, and
// guests memory that they get only when they balloon up.
func (c *Checker) memory(pfn model.PFN) bool {
	e := c.s.L.Early
	return e == nil || e.IsRAM(pfn) || e.Extra.Has(pfn) && c.s.Kernel.Buffer.Is(model.Ballooned)
}

func tellMapped(v *Violation) string {
	if v.has&partWant != 0 {
		return tellFixmap(v)
	}
	return tellComplete(v)
}
