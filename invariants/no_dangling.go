package invariants

import "github.com/ptcheck/ptcheck/model"

func noDangling() Rule {
	return Rule{
		ID:      "no-dangling",
		Says:    "No table in use, root, pin or cached translation names a frame that the kernel has given back, and no page has more users than the kernel counts.",
		Applies: "after boot, when a frame is given back, a root is loaded or pinned, and when a call ends; the direct map names every frame, and a kmap that nobody uses may outlive its page",
		Source:  "Linux, tlb_finish_mmu: pages are free only after the flush (merge 706a1ea65e6f); kunmap_atomic, kpte_clear_flush; Xen, comment at the head of arch/x86/mm.c",
		Limits:  "of an address space that is neither loaded nor pinned it looks only while its process may run",
		Goal:    "a frame is given back",
		Life:    true,
		check:   checkDangling,
		ops:     []model.Op{model.OpFree, model.OpCallEnd, model.OpLoadCR3, model.OpNewBaseptr, model.OpPin},
	}
}

func checkDangling(c *Checker, st *model.Step) result {
	switch st.Op {
	case model.OpFree, model.OpCallEnd, model.OpLoadCR3, model.OpNewBaseptr, model.OpPin:
	default:
		return silent
	}
	k := &c.s.Kernel.Life
	r := &c.reach
	r.from(c.s)
	r.inUse()
	for i := range k.MM {
		if k.MM[i].Ready {
			r.root(k.MM[i].Root)
		}
	}
	named := r.tables | r.pages | descriptors(c.s)
	if k.KmapCount > 1 {
		named |= r.kmapped
	}
	if bad := named & k.Free; bad != 0 {
		return c.fail(Detail{Frame: lowest(bad)})
	}
	for n := range c.s.Processors() {
		for t := range c.s.TLBOf(n).Each {
			if bit(t.Frame)&k.Free != 0 && c.foreign(t.Page) {
				return c.fail(Detail{Frame: t.Frame, VA: t.Page})
			}
		}
	}
	if c.quiet(st) {
		if f := r.overmapped(); f != model.NoFrame {
			return c.fail(Detail{Frame: f})
		}
	}
	if st.Op == model.OpFree {
		return held
	}
	return silent
}

// foreign reports whether an address belongs neither to the direct map nor to the
// kmap area.
func (c *Checker) foreign(va model.VA) bool {
	l := c.s.L
	pkmap := l.Kernel.Highmem && va >= l.Kernel.PkmapBase && va < l.Kernel.PkmapBase+model.VA(l.Kernel.LastPkmap)*model.PageSize
	return l.PA(va).PFN() >= l.Kernel.MaxLowPFN && !pkmap
}
