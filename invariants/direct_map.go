package invariants

import "github.com/ptcheck/ptcheck/model"

// eachDirect visits the leaf of each page from one on, below another, of low memory's direct
// map under a root, up to the first one that visit does not like. Pages without a table, and large
// ones, are visited once for the whole table or page: leaf is then the entry that
// ends the walk.
func (c *Checker) eachDirect(root model.Frame, g *model.Geometry, from, to model.PFN, visit func(pfn model.PFN, m mapping, ok bool) bool) bool {
	l := c.s.L
	c.pages += uint64(to - from)
	for pfn := from; pfn < to; {
		m, ok := resolve(c.s, g, root, l.VA(pfn.PA()))
		if m.level != 1 || m.table < 0 {
			if !visit(pfn, m, ok) {
				return false
			}
			span := model.PFN(g.Span(max(m.level, 2)) / model.PageSize)
			pfn += span - model.PFN(l.VA(pfn.PA())/model.PageSize)%span
			continue
		}
		for ; m.slot < g.Slots[1] && pfn < to; m.slot++ {
			m.leaf = c.s.Entry(g, m.table, m.slot)
			if !visit(pfn, m, m.leaf.Is(model.Present)) {
				return false
			}
			pfn++
		}
	}
	return true
}

// leadsTo is the frame that a leaf of the direct map maps for the page that it was
// visited for.
func (c *Checker) leadsTo(m mapping) model.Frame {
	if m.level == 1 {
		return c.s.L.Map.Frame(c.s.L.Names(m.leaf))
	}
	return m.frame
}
