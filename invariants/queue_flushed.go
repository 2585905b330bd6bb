package invariants

import "github.com/ptcheck/ptcheck/model"

func queueFlushed() Rule {
	return Rule{
		ID:      "queue-flushed",
		Says:    "Nothing is held back when a fault has been handled, when a frame that it concerns is given back, or outside lazy sections; there CR3 is the root that the kernel asked for.",
		Applies: "after boot, when a fault has been handled, a frame is given back or a call ends",
		Source:  "Linux 1160c2779b82 (vmalloc_fault), 9f79991d4186 (the real CR3), arch_flush_lazy_mmu_mode in kmap_atomic",
		Limits:  "does not see reads inside a lazy section that ought to wait; such sections must not read what they have changed",
		Goal:    "a call ends outside a lazy section",
		Life:    true,
		check:   checkQueue,
		ops:     []model.Op{model.OpResume, model.OpFree, model.OpCallEnd},
	}
}

func checkQueue(c *Checker, st *model.Step) result {
	k := &c.s.Kernel.Life.CPU[st.CPU]
	idle := k.Queued == 0 && k.Pending == model.NoFrame
	ok := true
	switch {
	case st.Op == model.OpResume:
		ok = idle
	case st.Op == model.OpFree:
		for _, item := range k.Queue[:k.Queued] {
			ok = ok && c.s.L.Map.Frame(model.MFN(item.Ptr>>model.PageShift)) != st.Frame
		}
	case st.Op == model.OpCallEnd && k.Lazy == model.LazyNone:
		ok = idle && (c.s.L.Hyper == nil || c.s.Kernel.XenCR3 == c.s.CPU.CR3)
	default:
		return silent
	}
	if !ok {
		return c.fail(Detail{Frame: c.s.CPU.CR3, VA: st.VA})
	}
	return held
}
