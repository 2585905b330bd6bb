package invariants

import "github.com/ptcheck/ptcheck/model"

// What the rules about later kernels share.

// directMapped resolves the direct-map address of a frame under CR3. ok is false
// if it is not mapped, or to something else.
func (c *Checker) directMapped(pfn model.PFN) (mapping, bool) {
	m, ok := resolve(c.s, c.s.Active(), c.s.CPU.CR3, c.s.L.VA(pfn.PA()))
	return m, ok && m.frame == model.Frame(pfn)
}

// underCR3 walks from the root in use.
func (c *Checker) underCR3() walker { return walker{s: c.s, g: c.s.Active(), root: c.s.CPU.CR3} }

// reachable are the guest's frames that are tables under CR3.
func (c *Checker) reachable() *marks {
	t := &c.reach.tables
	t.reset()
	rootOf(c.s, c.s.Active(), c.s.CPU.CR3).eachTable(func(x table) bool {
		if c.s.L.Map.IsGuest(x.frame) {
			t.add(x.frame)
		}
		return c.s.L.Map.IsGuest(x.frame)
	})
	return t
}

// ramBetween are the frames of ordinary memory from one on, below another.
func ramBetween(e *model.EarlyMap, from, to model.PFN) (set model.FrameSet) {
	for _, r := range e.RAM {
		set = set.Add(model.FrameRange{From: max(r.From, from), To: min(r.To, to)})
	}
	return set
}

// listedBetween reports whether the memory map lists any of the frames from one on, below
// another.
func listedBetween(e *model.EarlyMap, from, to model.PFN) bool {
	for _, r := range e.RAM {
		if max(r.From, from) < min(r.To, to) {
			return true
		}
	}
	return max(e.Extra.From, from) < min(e.Extra.To, to)
}

// directSpace is the number of pages of the address space set aside for the direct map.
func (c *Checker) directSpace() model.PFN {
	l := c.s.L
	return model.PFN((l.Early.DirectEnd - l.Kernel.PageOffset) & (1<<c.s.Active().VABits() - 1) / model.PageSize)
}

// throughDirect visits, at the end of a call, the pages of the direct map's address space
// under CR3: all of them, or those that lead elsewhere since the last call if that was looked
// at as well.
func (c *Checker) throughDirect(w *sweep, visit func(from, to model.PFN) bool) bool {
	t, end := &c.trees.active, c.directSpace()
	var good bool
	if c.goesOn(w, t) {
		good = c.eachDirt(t, c.s.L.Kernel.PageOffset, end, visit)
	} else {
		good = visit(0, end)
	}
	if good {
		w.done(t)
	}
	return good
}

// nextEntry is the page behind those that the entry covers in which the walk for a page
// ended.
func nextEntry(l *model.Layout, m mapping, g *model.Geometry, pfn model.PFN) model.PFN {
	span := model.PFN(g.Span(max(m.level, 1)) / model.PageSize)
	return pfn + span - model.PFN(l.VA(pfn.PA())/model.PageSize)%span
}
