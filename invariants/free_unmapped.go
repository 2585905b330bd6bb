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
	if free == 0 || st.Busy || c.s.L.Life != nil && !c.quiet(st) || c.trees.kernel.geo == nil {
		return silent
	}
	r := c.all()
	named := r.tables | r.pages | c.pinnedFrames()
	if c.s.Kernel.Life.KmapCount > 1 {
		named |= r.kmapped
	}
	if bad := named & free; bad != 0 {
		f := lowest(bad)
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return t.names(e, f) }))
	}
	return held
}

// pinnedFrames are the tables that a guest holds pinned, whatever hangs on them.
func (c *Checker) pinnedFrames() (set uint64) {
	for f, level := range c.view.pins {
		if level > 0 {
			set |= bit(model.Frame(f))
		}
	}
	return set
}

// freed are the frames that the kernel's allocators have to give.
func (c *Checker) freed() (set uint64) {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	if c.s.L.Life != nil {
		return c.s.Kernel.Life.Free
	}
	for pfn := range min(b.MaxMapped, model.PFN(c.s.L.Map.Guest())) {
		inBuffer := b.Open() && pfn >= b.Start && pfn < b.Top
		if e.IsRAM(pfn) && !b.Reserved.Has(pfn) && !inBuffer {
			set |= bit(model.Frame(pfn))
		}
	}
	return set
}

func tellFree(v *Violation) string {
	if v.has&partEntry == 0 {
		return fmt.Sprintf("%s is free, and still in use as a root or by a pin", v.name(v.frame))
	}
	return fmt.Sprintf("%s is free, and mapped besides%s: %s", v.name(v.frame), v.there(), v.entry())
}
