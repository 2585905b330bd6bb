package invariants

import "github.com/ptcheck/ptcheck/model"

// cachedSweep is what cached-granted has looked at of the TLB of a large machine: all that it
// held, so that what has come since is left, and what lies at addresses that lead elsewhere.
type cachedSweep struct {
	active, kernel sweep
	fills          uint64
}

// cachedSince reports whether the tables grant all that the processor has cached, as far as it
// may have changed. known says that looking at this is enough. It points at nothing: who finds
// something wrong looks at everything.
func (c *Checker) cachedSince(w *cachedSweep) (good, known bool) {
	a, k, tlb := &c.trees.active, &c.trees.kernel, &c.s.TLB
	if c.s.Processors() > 1 || k.geo == nil || !c.goesOn(&w.active, a) || !c.goesOn(&w.kernel, k) {
		return false, false
	}
	fine := func(t model.Cached) bool {
		c.pages++
		return c.granted(0, t) || c.lazilyFlushed(t.Page)
	}
	good = true
	if all := tlb.Since(w.fills, func(t model.Cached) bool { good = fine(t); return good }); all {
		return false, false
	}
	for _, t := range [...]*tree{a, k} {
		for _, d := range t.changed(c.s, false) {
			good = good && cachedIn(tlb, t.geo, d, fine)
		}
	}
	return good && cachedIn(tlb, a.geo, a.besides(c.s.L), fine), true
}

// looked says that all is well at the end of a call.
func (w *cachedSweep) looked(c *Checker) {
	w.active.done(&c.trees.active)
	w.kernel.done(&c.trees.kernel)
	w.fills = c.s.TLB.Fills()
}

// cachedIn visits the cached translations of a range of addresses that are not sign-extended,
// until visit returns false. It reports whether it never did.
func cachedIn(tlb *model.TLB, g *model.Geometry, d span, visit func(t model.Cached) bool) bool {
	half := model.VA(1) << (g.VABits() - 1) // where the sign sets in
	for _, part := range [...]span{{d.from, min(d.to, half)}, {max(d.from, half), d.to}} {
		if part.from < part.to && !tlb.Between(g.Wrap(part.from), g.Wrap(part.to-1), visit) {
			return false
		}
	}
	return true
}

// besides are the addresses of the slots that do not belong to a tree, so that it does not
// follow where they lead.
func (t *tree) besides(l *model.Layout) span {
	if t.low > 0 {
		return span{0, model.VA(t.low) * t.geo.Span(t.geo.Levels)}
	}
	h := l.Hyper
	if h == nil || h.XenLevel == 0 {
		return span{}
	}
	base, size := model.VA(0), t.geo.Span(h.XenLevel)
	if l.PAESpecial() {
		base = model.VA(t.geo.Slots[t.geo.Levels]-1) * t.geo.Span(t.geo.Levels)
	}
	return span{base + model.VA(h.XenFirst)*size, base + model.VA(h.XenLast+1)*size}
}
