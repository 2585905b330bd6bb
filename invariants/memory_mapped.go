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
	if !c.allMemoryMapped() {
		return broken
	}
	if l.Hyper != nil {
		return c.fixmapIs(l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, model.Present, model.Present)
	}
	return held
}

// mappedSweep is what the rule has looked at, and whether there was the memory that a guest
// balloons up by then.
type mappedSweep struct {
	sweep
	ballooned bool
}

// allMemoryMapped looks at all of memory, or at what leads elsewhere since the last call.
func (c *Checker) allMemoryMapped() bool {
	w, t := &c.sweeps.mapped, &c.trees.kernel
	if now := c.s.Kernel.Buffer.Is(model.Ballooned); now != w.ballooned {
		w.ballooned, w.sweep = now, sweep{}
	}
	good := false
	if c.goesOn(&w.sweep, t) {
		good = c.eachDirt(t, c.s.L.Kernel.PageOffset, c.s.L.Kernel.MaxLowPFN, c.memoryMapped)
	} else {
		good = c.memoryMapped(0, c.s.L.Kernel.MaxLowPFN)
	}
	if good {
		w.done(t)
	}
	return good
}

// memoryMapped looks at the memory of a range of frames: later machines have holes, and
// guests memory that they get only when they balloon up.
func (c *Checker) memoryMapped(from, to model.PFN) bool {
	e := c.s.L.Early
	if e == nil {
		return c.rangeMapped(model.FrameRange{From: from, To: to})
	}
	for _, r := range e.RAM {
		if !c.rangeMapped(model.FrameRange{From: max(from, r.From), To: min(to, r.To)}) {
			return false
		}
	}
	return !c.sweeps.mapped.ballooned || c.rangeMapped(model.FrameRange{From: max(from, e.Extra.From), To: min(to, e.Extra.To)})
}

// rangeMapped looks at low memory that is there.
func (c *Checker) rangeMapped(r model.FrameRange) bool {
	l := c.s.L
	r.To = min(r.To, l.Kernel.MaxLowPFN)
	if r.From >= r.To {
		return true
	}
	return c.eachDirect(model.Frame(l.Kernel.Root), l.Geo, r.From, r.To, func(pfn model.PFN, m mapping, ok bool) bool {
		if ok && c.leadsTo(m) == model.Frame(pfn) {
			return true
		}
		c.fail(c.at(l.VA(pfn.PA()), l.Geo, m).WithFrame(model.Frame(pfn)))
		return false
	})
}

func tellMapped(v *Violation) string {
	if v.has&partWant != 0 {
		return tellFixmap(v)
	}
	return tellComplete(v)
}
