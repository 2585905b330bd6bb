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
	if f := c.namedFree(free); f != model.NoFrame {
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return t.names(e, f) }))
	}
	return held
}

// freeSweep is what the rule has looked at.
type freeSweep struct {
	held           heldSweep
	kernel, active sweep
	free           model.FrameSet
}

// namedFree is a free frame that something hangs on, NoFrame if there is none.
func (c *Checker) namedFree(free model.FrameSet) model.Frame {
	w := &c.sweeps.free
	trees := [...]*tree{&c.trees.kernel, &c.trees.active}
	f := model.NoFrame
	if c.s.L.Life == nil && c.goesOn(&w.kernel, trees[0]) && c.goesOn(&w.active, trees[1]) && free.Minus(w.free).Empty() {
		if p, ok := free.Meets(c.view.pinned); ok {
			f = model.Frame(p)
		}
		for _, t := range trees {
			if g := c.nowNamed(free, t); g != model.NoFrame {
				f = g
			}
		}
	} else {
		f = c.namedOf(free, &c.all().reach, c.view.pinned, &w.held, true)
	}
	w.kernel.done(trees[0])
	w.active.done(trees[1])
	w.free = free
	return f
}

// nowNamed is a frame of a set that a tree has come to name since the last call, as a table
// or outside the direct map.
func (c *Checker) nowNamed(set model.FrameSet, t *tree) model.Frame {
	f := model.NoFrame
	list := t.named
	if len(list) == maxNamed {
		list = t.tables
	}
	for _, n := range list {
		if c.pages++; t.has(n) && model.In(set, n) {
			return n
		}
	}
	c.eachNewLeaf(t, func(va model.VA, m *mapping) bool {
		first, pages := m.frame, model.Frame(t.geo.Span(m.level)/model.PageSize)
		for n := first &^ (pages - 1); n < first|(pages-1)+1; n++ {
			at := va&^(t.geo.Span(m.level)-1) + model.VA(n&(pages-1))*model.PageSize
			if model.In(set, n) && c.foreign(at) {
				f = n
			}
		}
		return f == model.NoFrame
	})
	return f
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
