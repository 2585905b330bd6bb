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
	reached := r.tables | r.pages | descriptors(c.s)
	if k.KmapCount > 1 {
		reached |= r.kmapped
	}
	used := c.start.free &^ k.Free
	if bad := used &^ reached; bad != 0 {
		return c.fail(about(lowest(bad)))
	}
	if l.Hyper != nil {
		if d, ok := c.orphan(r.own); !ok {
			return c.fail(d)
		}
	}
	if used != 0 {
		return held
	}
	return silent
}

// orphan looks for a frame that is pinned although no process has it as a table, or
// read-only in the direct map without being one. ok says that there is none.
func (c *Checker) orphan(mine uint64) (d Detail, ok bool) {
	l := c.s.L
	special := descriptors(c.s) | c.loadedLDT()
	for f := range model.Frame(l.Map.Guest()) {
		if pinned(c.s, f) && (mine|c.start.pinned)&bit(f) == 0 {
			return about(f).Because("pinned"), false
		}
		if model.PFN(f) >= l.Kernel.MaxLowPFN || (c.start.readOnly|special)&bit(f) != 0 || c.view.isTable(f) {
			continue
		}
		va := l.VA(model.PFN(f).PA())
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), va)
		if !ok || !m.leaf.Is(model.RW) {
			return c.at(va, l.Geo, m).WithFrame(f), false
		}
	}
	return Detail{}, true
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
func (c *Checker) loadedLDT() uint64 {
	if c.s.Kernel.Life.LDT < 0 {
		return 0
	}
	return bit(c.s.Kernel.Life.VPage)
}
