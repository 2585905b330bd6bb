package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func freeUnmapped() Rule {
	return Rule{
		ID:      "free-unmapped",
		Says:    "What the kernel has given back is mapped nowhere but at its own address in the direct map, and is no table, whoever made the mapping and however long ago.",
		Applies: "when a call ends and nobody is in the middle of one or lazy: to the kernel's root, those in use, those of all processes and pins; a kmap that nobody uses may outlive its page",
		Source:  "Linux, xen_pagetable_p2m_free and xen_cleanhighmap (the initial mapping of the list of machine frames, of the initrd and of modules), cleanup_highmap, free_init_pages; tlb_finish_mmu",
		Limits:  "looks at tables, not at what a TLB may still hold; which frames are free is the allocators' word; what lies in the table buffer is not free before that is closed",
		Goal:    "a call ends while a frame is free that was in use once",
		Kernel:  GrownKernel,
		From:    model.PhaseStarted,
		Tell:    tellFree,
		check:   checkFree,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkFree(c *Checker, st *model.Step) result {
	free := c.freed()
	if free.Empty() || st.Busy || c.s.L.Life != nil && !c.quiet(st) || c.trees.kernel.geo == nil {
		return silent
	}
	r := c.all()
	if f := c.namedOf(free, &r.reach, c.view.pinned, &c.sweeps.free, true); f != model.NoFrame {
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return t.names(e, f) }))
	}
	return held
}

// namedOf is the lowest frame of a set that something hangs on: that is a table, a page
// outside the direct map, or one of others; NoFrame if there is none. A kmap counts while
// somebody uses it. end says that a call ends.
func (c *Checker) namedOf(set model.FrameSet, r *reach, others model.FrameSet, w *heldSweep, end bool) model.Frame {
	f := lowestOf(set, &r.tables, &r.pages)
	lower := func(g model.Frame) {
		if f == model.NoFrame || g != model.NoFrame && g < f {
			f = g
		}
	}
	if p, ok := set.Meets(others); ok {
		lower(model.Frame(p))
	}
	if c.s.Kernel.Life.KmapCount > 1 {
		lower(lowestOf(set, &r.kmapped))
	}
	if c.large {
		lower(c.tableIn(w, set, r, end))
	}
	return f
}

// freed are the frames that the kernel's allocators have to give.
func (c *Checker) freed() (set model.FrameSet) {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	if c.s.L.Life != nil {
		return c.s.Kernel.Life.Free
	}
	set = ramBetween(e, 0, min(b.MaxMapped, model.PFN(c.s.L.Map.Guest()))).Minus(b.Reserved)
	if b.Open() {
		set = set.Remove(model.FrameRange{From: b.Start, To: b.Top})
	}
	return set
}

func tellFree(v *Violation) string {
	if v.has&partEntry == 0 {
		return fmt.Sprintf("%s is free, and still in use as a root or by a pin", v.name(v.frame))
	}
	return fmt.Sprintf("%s is free, and mapped besides%s: %s", v.name(v.frame), v.there(), v.entry())
}
