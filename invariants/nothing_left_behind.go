package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func nothingLeftBehind() Rule {
	return Rule{
		ID:      "nothing-left-behind",
		Says:    "Every allocated frame is reachable, every pinned one is a table of some process or of the kernel, and a page that is no table and no descriptor table is writable.",
		Applies: "after boot, when a call ends and nobody is in the middle of one; frames, pins and read-only pages of the boot are exempt",
		Source:  "Linux, xen_pgd_unpin and xen_release_ptpage; XenLinux ba529a426c",
		Limits:  "does not tell a page that is reachable from one that is still needed",
		Goal:    "a call ends with frames in use that were free after the boot",
		Span:    Living,
		Tell:    tellLeftBehind,
		check:   checkLeftBehind,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkLeftBehind(c *Checker, st *model.Step) result {
	if !c.quiet(st) {
		return silent
	}
	k, l := &c.s.Kernel.Life, c.s.L
	r := c.all()
	used, kmaps := c.start.free.Minus(k.Free), k.KmapCount > 1
	special := descriptors(c.s)
	for p, ok := used.Next(0); ok; p, ok = used.Next(p + 1) {
		f := model.Frame(p)
		if !r.tables.has(f) && !r.pages.has(f) && !(kmaps && r.kmapped.has(f)) && !special.Has(p) && !c.ofTheTrees(f) {
			return c.fail(about(f))
		}
	}
	if l.Hyper != nil {
		if d, ok := c.orphan(&r.own, special.Union(c.loadedLDT())); !ok {
			return c.fail(d)
		}
	}
	if !used.Empty() {
		return held
	}
	return silent
}

// orphan looks for a frame that is pinned although no process has it as a table, or
// read-only in the direct map without being one. ok says that there is none.
// special are the frames of descriptor tables.
func (c *Checker) orphan(mine *marks, special model.FrameSet) (d Detail, ok bool) {
	if c.large {
		return c.orphanSince(mine, special)
	}
	for f := range model.Frame(c.s.L.Map.Guest()) {
		if pinned(c.s, f) && !mine.has(f) && !model.In(c.start.pinned, f) {
			return about(f).Because("pinned"), false
		}
		if d, ok := c.writableAgain(f, special); !ok {
			return d, false
		}
	}
	return Detail{}, true
}

// orphanSince does so in a large memory: it looks at frames that have ceased to be what they
// were, and at those whose address leads elsewhere.
func (c *Checker) orphanSince(mine *marks, special model.FrameSet) (d Detail, ok bool) {
	pins := c.view.pinned.Minus(c.start.pinned)
	for p, more := pins.Next(0); more; p, more = pins.Next(p + 1) {
		if f := model.Frame(p); !mine.has(f) && !c.ofTheTrees(f) {
			return about(f).Because("pinned"), false
		}
	}
	w, t, low := &c.sweeps.leftBehind, &c.trees.kernel, c.s.L.Kernel.MaxLowPFN
	ok = true
	look := func(f model.Frame) bool {
		if ok {
			d, ok = c.writableAgain(f, special)
		}
		return ok
	}
	every := model.FrameSet{}.Add(model.FrameRange{To: low})
	if c.goesOn(&w.sweep, t) && c.view.onlyTurned(c.sweeps.turns) {
		c.eachLow(w.was.Minus(special), look)
		for _, f := range c.view.turned {
			look(f)
		}
		w.was = every // none of them is new
	} else {
		w.was = model.FrameSet{}
	}
	c.directIn(w, t, every, true, look)
	w.was, c.sweeps.turns = special, c.view.turns
	return d, ok
}

// writableAgain looks at a frame that is to be writable at its own address, if it is one.
func (c *Checker) writableAgain(f model.Frame, special model.FrameSet) (d Detail, ok bool) {
	l := c.s.L
	if model.PFN(f) >= l.Kernel.MaxLowPFN || model.In(c.start.readOnly, f) || model.In(special, f) || c.view.isTable(f) {
		return d, true
	}
	va := l.VA(model.PFN(f).PA())
	m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), va)
	if ok && m.leaf.Is(model.RW) {
		return d, true
	}
	return c.at(va, l.Geo, m).WithFrame(f), false
}

// ofTheTrees reports, of a large memory, whether a frame is a table of those that a reach
// leaves out.
func (c *Checker) ofTheTrees(f model.Frame) bool {
	k := &c.trees.kernel
	if !c.large || !k.has(f) {
		return false
	}
	for level := 1; level < k.geo.Levels; level++ {
		if c.trees.ownDirect(c.s.L, f, level, k.base[f]) {
			return true
		}
	}
	return false
}

func tellLeftBehind(v *Violation) string {
	switch {
	case v.why == "pinned":
		return fmt.Sprintf("%s is pinned, and no process has it as a table", v.name(v.frame))
	case v.has&partAddress != 0:
		return fmt.Sprintf("%s is no table and no descriptor table, and is not writable at its address %s: %s", v.name(v.frame), v.page(), v.ends())
	}
	return fmt.Sprintf("%s has been handed out and not given back, and nothing in use leads to it", v.name(v.frame))
}

// loadedLDT is the page of a process's LDT, whether it is loaded or not.
func (c *Checker) loadedLDT() model.FrameSet {
	if c.s.Kernel.Life.LDT < 0 {
		return model.FrameSet{}
	}
	return single(c.s.Kernel.Life.VPage)
}
