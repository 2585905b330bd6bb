package invariants

import "github.com/ptcheck/ptcheck/model"

// What the rules about later kernels share.

// directMapped resolves the direct-map address of a frame under CR3. ok is false
// if it is not mapped, or to something else.
func (c *Checker) directMapped(pfn model.PFN) (mapping, bool) {
	m, ok := resolve(c.s, c.s.Active(), c.s.CPU.CR3, c.s.L.VA(pfn.PA()))
	return m, ok && m.frame == model.Frame(pfn)
}

// reachable is the set of frames that are tables under CR3.
func (c *Checker) reachable() (set model.FrameSet) {
	set = 1 << c.s.CPU.CR3
	c.markTables(c.s.CPU.CR3, c.s.Active().Levels, &set)
	return set
}

func (c *Checker) markTables(f model.Frame, level int, set *model.FrameSet) {
	g := c.s.Active()
	for i := range g.Slots[level] {
		e := c.s.Entry(g, f, i)
		if e&model.Present == 0 || largeLeaf(c.s, g, level, e) || level == g.Levels && c.s.L.XenSlot(level, i, false) {
			continue
		}
		if sub := c.s.L.Map.Frame(e.MFN()); c.s.L.Map.IsGuest(sub) {
			*set |= 1 << sub
			if level > 2 {
				c.markTables(sub, level-1, set)
			}
		}
	}
}
