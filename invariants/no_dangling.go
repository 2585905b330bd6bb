package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func noDangling() Rule {
	return Rule{
		ID:      "no-dangling",
		Says:    "No table in use, root, pin or cached translation names a frame that the kernel has given back, and no page has more users than the kernel counts.",
		Applies: "after boot, when a frame is given back, a root is loaded or pinned, and when a call ends; the direct map names every frame, a kmap that nobody uses may outlive its page, and so may a cached translation of the vmalloc area where the kernel flushes it lazily",
		Source:  "Linux, tlb_finish_mmu: pages are free only after the flush (merge 706a1ea65e6f); kunmap_atomic, kpte_clear_flush; Linux db64fe02258f (lazy flushes of vmap addresses); Xen, comment at the head of arch/x86/mm.c",
		Limits:  "of an address space that is neither loaded nor pinned it looks only while its process may run",
		Goal:    "a frame is given back",
		Span:    Living,
		Tell:    tellDangling,
		check:   checkDangling,
		trace: &traceRule{
			applies: "to each table that comes into use, and each small page that user mode gets",
			limits:  "which frames are free is not known: a table that is a page of user mode's as well was freed too early, or never taken",
			ops:     []TraceOp{TraceStore, TraceAdopt},
			check:   traceDangling,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpFree, model.OpCallEnd, model.OpLoadCR3, model.OpNewBaseptr, model.OpPin},
	}
}

func checkDangling(c *Checker, st *model.Step) result {
	k := &c.s.Kernel.Life
	r := &c.reach
	r.from(c)
	r.inUse(&c.view)
	for i := range k.MM {
		if k.MM[i].Ready {
			r.root(k.MM[i].Root)
		}
	}
	if f := c.namedOf(k.Free, r, descriptors(c.s), &c.sweeps.dangling, st.Op == model.OpCallEnd); f != model.NoFrame {
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return t.names(e, f) }))
	}
	for n := range c.s.Processors() {
		var bad model.Cached
		if !c.eachForeign(c.s.TLBOf(n), func(t model.Cached) bool { bad = t; return !model.In(k.Free, t.Frame) || c.lazilyFlushed(t.Page) }) {
			return c.fail(cached(c.s, n, bad))
		}
	}
	if c.quiet(st) {
		if f, mapped, refs := c.overmapped(); f != model.NoFrame {
			return c.fail(about(f).WithCounts(mapped, refs))
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

// eachForeign visits the cached translations of such addresses, in ascending order, until visit
// returns false. It reports whether it never did. Most of what is cached is the direct map's.
func (c *Checker) eachForeign(tlb *model.TLB, visit func(t model.Cached) bool) bool {
	l := c.s.L
	fits := func(t model.Cached) bool { c.pages++; return !c.foreign(t.Page) || visit(t) }
	from, to := l.Kernel.PageOffset, l.VA(l.Kernel.MaxLowPFN.PA())
	if from == 0 || to <= from { // it goes round
		return tlb.Between(0, ^model.VA(0), fits)
	}
	return tlb.Between(0, from-1, fits) && tlb.Between(to, ^model.VA(0), fits)
}

func tellDangling(v *Violation) string {
	if v.why != "" {
		return v.parts()
	}
	switch {
	case v.has&partCPU != 0:
		return fmt.Sprintf("%s is free; processor %d still has page %s cached as it", v.name(v.frame), v.cpu, v.page())
	case v.has&partCounts != 0:
		return fmt.Sprintf("processes map %s in %d places; users that the kernel counts: %d", v.name(v.frame), v.count, v.wantCount)
	case v.has&partEntry != 0:
		return fmt.Sprintf("%s is free, and named%s: %s", v.name(v.frame), v.there(), v.entry())
	}
	return fmt.Sprintf("%s is free, and still in use as a root, by a pin or as a descriptor table", v.name(v.frame))
}

// traceDangling judges an event of a trace.
func traceDangling(t *Trace, e *TraceEvent) (Detail, result) {
	if e.Op == TraceAdopt {
		if t.leaves.userPages[t.s.L.Map.MFN(e.Frame)] > 0 {
			return about(e.Frame).Because("it is a table now, and still mapped for user mode"), broken
		}
		return Detail{}, held
	}
	if e.Level != 1 || !e.New.Is(model.Present|model.User) {
		return Detail{}, silent
	}
	f := t.s.L.Map.Frame(t.s.L.Names(e.New))
	if tb := t.tables[f]; tb != nil && t.alive(tb) {
		return atEntry(e.Frame, e.Slot, e.New).WithFrame(f).Because("it is mapped for user mode, and a table in use"), broken
	}
	return Detail{}, held
}
