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
	rootOf(c.s, c.s.Active(), c.s.CPU.CR3).eachTable(func(t table) bool {
		if c.s.L.Map.IsGuest(t.frame) {
			set |= 1 << t.frame
		}
		return c.s.L.Map.IsGuest(t.frame)
	})
	return set
}
