package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// sweep is a rule's knowledge that it has looked at all addresses under a root. Where
// memory is large it then looks at those that lead elsewhere since.
type sweep struct{ due uint64 }

// sweeps are those of the rules that look at all addresses.
type sweeps struct {
	direct   [2]sweep // of the active tree and of the kernel's
	complete sweep
	identity sweep
	reserved [2]sweep // of the kernel's tree and of the active one
	// Of sets of the kernel's frames, and of what later kernels map.
	free                freeSweep
	dangling            heldSweep
	aliases, leftBehind directSweep
	turns               int // of the view, when leftBehind was looked at
	spares              spareSweep
	future              futureSweep
	ram, minimal        sweep
	mapped              mappedSweep
	protected           protectedSweep
	cached              cachedSweep
	write               writeSweep
}

// everywhere is all addresses of a geometry.
func (c *Checker) everywhere(g *model.Geometry) []span {
	c.whole[0] = span{0, 1 << g.VABits()}
	return c.whole[:]
}

// goesOn reports whether all was well when the last period of a tree ended, or an earlier one
// since which nothing has changed, so that what has changed in this one is enough to look at.
func (c *Checker) goesOn(w *sweep, t *tree) bool {
	return c.large && w.due >= t.since && w.due <= t.period
}

// done says that all is well at the end of a period.
func (w *sweep) done(t *tree) { w.due = t.period + 1 }

// directOf visits, at the end of a call, the leaves of low memory's direct map under a tree,
// as [Checker.eachDirect] does, if need be all of them.
func (c *Checker) directOf(w *sweep, t *tree, visit func(pfn model.PFN, m mapping, ok bool) bool) bool {
	l := c.s.L
	end := l.Kernel.MaxLowPFN
	if !c.goesOn(w, t) {
		if !c.eachDirect(t.root, t.geo, 0, end, visit) {
			return false
		}
		w.done(t)
		return true
	}
	good := c.eachDirt(t, l.Kernel.PageOffset, end, func(from, to model.PFN) bool {
		return c.eachDirect(t.root, t.geo, from, to, visit)
	})
	if good {
		w.done(t)
	}
	return good
}

// eachDirt visits the pages of a range of addresses that lead elsewhere since the period
// began: of end pages from start on.
func (c *Checker) eachDirt(t *tree, start model.VA, end model.PFN, visit func(from, to model.PFN) bool) bool {
	all := model.VA(1) << t.geo.VABits()
	start &= all - 1
	last := start + model.VA(end)*model.PageSize
	if last > all || last < start {
		return visit(0, end) // it goes round
	}
	for _, d := range t.changed(c.s, false) {
		from, to := max(d.from, start), min(d.to, last)
		if from < to && !visit(model.PFN((from-start)/model.PageSize), model.PFN((to-start+model.PageSize-1)/model.PageSize)) {
			return false
		}
	}
	return true
}

// eachNewLeaf visits the leaves of a tree at addresses that lead elsewhere since the period
// began.
func (c *Checker) eachNewLeaf(t *tree, visit func(va model.VA, m *mapping) bool) bool {
	w := walker{s: c.s, g: t.geo, root: t.root}
	for _, d := range t.changed(c.s, false) {
		for at := d.from; at < d.to; {
			va := t.geo.Wrap(at)
			m, ok := w.resolve(va)
			if c.pages++; ok && !visit(va, m) {
				return false
			}
			span := t.geo.Span(max(m.level, 1))
			at += span - at%span
		}
	}
	return true
}

// pagesIn are the pages of a list, ascending, in a range of addresses that are not
// sign-extended.
func pagesIn(g *model.Geometry, pages []page, d span) []page {
	mask := model.VA(1)<<g.VABits() - 1
	at := func(va model.VA) int {
		n, _ := slices.BinarySearchFunc(pages, va, func(p page, va model.VA) int {
			switch at := p.va & mask; {
			case at < va:
				return -1
			case at > va:
				return 1
			}
			return 0
		})
		return n
	}
	from, to := at(d.from), at(d.to)
	return pages[from:to]
}
