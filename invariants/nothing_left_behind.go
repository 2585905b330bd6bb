package invariants

import "github.com/ptcheck/ptcheck/model"

func nothingLeftBehind() Rule {
	return Rule{
		ID:      "nothing-left-behind",
		Says:    "Every allocated frame is reachable, every pinned one is a table of some process or of the kernel, and a page that is no table and no descriptor table is writable.",
		Applies: "after boot, when a call ends and nobody is in the middle of one; frames, pins and read-only pages of the boot are exempt",
		Source:  "Linux, xen_pgd_unpin and xen_release_ptpage; XenLinux ba529a426c",
		Limits:  "does not tell a page that is reachable from one that is still needed",
		Goal:    "a call ends with frames in use that were free after the boot",
		Life:    true,
		check:   checkLeftBehind,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkLeftBehind(c *Checker, st *model.Step) result {
	if !c.quiet(st) {
		return silent
	}
	k, l := &c.s.Kernel.Life, c.s.L
	r := &c.reach
	r.from(c.s)
	r.processes()
	r.root(model.Frame(l.Kernel.Root))
	mine := r.tables
	for _, f := range c.s.Roots() {
		r.root(f)
	}
	reached := r.tables | r.pages | descriptors(c.s)
	if k.KmapCount > 1 {
		reached |= r.kmapped
	}
	used := c.start.free &^ k.Free
	if bad := used &^ reached; bad != 0 {
		return c.fail(Detail{Frame: lowest(bad)})
	}
	if l.Hyper != nil {
		if f := c.orphan(mine); f != model.NoFrame {
			return c.fail(Detail{Frame: f, VA: l.VA(model.PFN(f).PA())})
		}
	}
	if used != 0 {
		return held
	}
	return silent
}

// orphan is the first frame that is pinned although no process has it as a table,
// or read-only in the direct map without being one.
func (c *Checker) orphan(mine uint64) model.Frame {
	l := c.s.L
	special := descriptors(c.s) | c.loadedLDT()
	for f := range model.Frame(l.Map.Guest()) {
		if pinned(c.s, f) && (mine|c.start.pinned)&bit(f) == 0 {
			return f
		}
		if model.PFN(f) >= l.Kernel.MaxLowPFN || (c.start.readOnly|special)&bit(f) != 0 || c.view.isTable(f) {
			continue
		}
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), l.VA(model.PFN(f).PA()))
		if !ok || !m.leaf.Is(model.RW) {
			return f
		}
	}
	return model.NoFrame
}

// loadedLDT is the page of a process's LDT, whether it is loaded or not.
func (c *Checker) loadedLDT() uint64 {
	if c.s.Kernel.Life.LDT < 0 {
		return 0
	}
	return bit(c.s.Kernel.Life.VPage)
}
