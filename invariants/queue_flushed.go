package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func queueFlushed() Rule {
	return Rule{
		ID:      "queue-flushed",
		Says:    "Nothing is held back when a fault has been handled, when a frame that it concerns is given back, or outside lazy sections; there CR3 is the root that the kernel asked for.",
		Applies: "after boot, when a fault has been handled, a frame is given back or a call ends",
		Source:  "Linux 1160c2779b82 (vmalloc_fault), 9f79991d4186 (the real CR3), arch_flush_lazy_mmu_mode in kmap_atomic",
		Limits:  "does not see reads inside a lazy section that ought to wait; such sections must not read what they have changed",
		Goal:    "a call ends outside a lazy section",
		Span:    Living,
		Tell:    tellQueue,
		check:   checkQueue,
		ops:     []model.Op{model.OpResume, model.OpFree, model.OpCallEnd},
	}
}

func checkQueue(c *Checker, st *model.Step) result {
	k := &c.s.Kernel.Life.CPU[st.CPU]
	switch {
	case st.Op == model.OpFree:
		for _, item := range k.Queue[:k.Queued] {
			if c.s.L.Map.Frame(model.MFN(item.Ptr>>model.PageShift)) == st.Frame {
				return c.fail(about(st.Frame))
			}
		}
		return held
	case st.Op == model.OpCallEnd && k.Lazy != model.LazyNone:
		return silent
	}
	d := Detail{}.WithAddress(st.VA)
	if st.Op == model.OpCallEnd {
		d = Detail{}
	}
	switch asked := c.s.Kernel.XenCR3; {
	case k.Queued != 0:
		return c.fail(d.WithCPU(st.CPU).WithCounts(int(k.Queued), 0))
	case k.Pending != model.NoFrame:
		return c.fail(d.WithFrame(c.s.CPU.CR3).WithWantFrame(k.Pending))
	case st.Op == model.OpCallEnd && c.s.L.Hyper != nil && asked != c.s.CPU.CR3:
		return c.fail(d.WithFrame(c.s.CPU.CR3).WithWantFrame(asked))
	}
	return held
}

func tellQueue(v *Violation) string {
	when := "the call ends outside a lazy section"
	switch v.Step.Op {
	case model.OpFree:
		return fmt.Sprintf("%s is given back while an update of it is held back", v.name(v.frame))
	case model.OpResume:
		when = "the fault at " + v.page() + " has been handled"
	}
	if v.has&partCPU != 0 {
		return fmt.Sprintf("%s; updates that processor %d holds back: %d", when, v.cpu, v.count)
	}
	return fmt.Sprintf("%s; CR3 is %s, and the kernel has asked for %s", when, v.name(v.frame), v.name(v.wantFrame))
}
