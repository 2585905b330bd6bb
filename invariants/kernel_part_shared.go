package invariants

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

func kernelPartShared() Rule {
	return Rule{
		ID:      "kernel-part-shared",
		Says:    "All address spaces share the kernel's L1 tables; an entry for the vmalloc area may be missing until it is needed or synchronised, but never differs; the PAE L2 with the hypervisor's slots has one parent.",
		Applies: "after boot, when a call ends that leaves nothing held back",
		Source:  "Linux, vmalloc_sync_one (its BUG_ON) and vmalloc_sync_all; XenLinux bbf3a3eebd, fb94b59330; Xen, create_pae_xen_mappings",
		Limits:  "an address space counts from the moment that its process has it until nobody can use it any more",
		Goal:    "a call ends while there is a process",
		Span:    Living,
		Tell:    tellKernelPart,
		check:   checkKernelPart,
		trace: &traceRule{
			applies: "to roots that are loaded again, compared with the one loaded before: the boot's own is never loaded again",
			limits:  "with PAE the kernel's L2 tables are compared, otherwise the roots; what only one of two has is left out; the roots on which user mode runs without the kernel's pages are others",
			ops:     []TraceOp{TraceLoad},
			check:   traceKernelPart,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpCallEnd},
	}
}

func checkKernelPart(c *Checker, st *model.Step) result {
	if c.s.Kernel.Life.CPU[st.CPU].Lazy != model.LazyNone {
		return silent
	}
	l := c.s.L
	init, said := model.Frame(l.Kernel.Root), silent
	last := [model.MaxMM + 1]model.Frame{c.lastL2(init)}
	for i := range c.s.Kernel.Life.MM {
		last[i+1] = model.NoFrame
		root := c.s.Kernel.Life.MM[i].Root
		if root == model.NoFrame || c.dismantled(i) {
			continue
		}
		said = held
		if d, ok := c.sameKernel(root, init, l.Geo.Levels, 0); !ok {
			return c.fail(d)
		}
		if l.Hyper != nil && l.PAESpecial() {
			f := c.lastL2(root)
			if f >= 0 && slices.Contains(last[:i+1], f) {
				slot := l.Geo.Slots[l.Geo.Levels] - 1
				return c.fail(atEntry(root, slot, c.s.Entry(l.Geo, root, slot)).WithFrame(f))
			}
			last[i+1] = f
		}
	}
	return said
}

// dismantled reports whether an address space is being taken apart, and no processor uses
// it: it may be off the list of roots already, and learns of no change any more.
func (c *Checker) dismantled(n int) bool {
	mm, roots := &c.s.Kernel.Life.MM[n], c.s.Roots()
	return mm.Leaving && !mm.Dead && !slices.Contains(roots[:], mm.Root)
}

// lastL2 is the L2 under the last slot of a PAE root.
func (c *Checker) lastL2(root model.Frame) model.Frame {
	g := c.s.L.Geo
	return c.s.L.Map.Frame(c.s.L.Names(c.s.Entry(g, root, g.Slots[g.Levels]-1)))
}

// sameKernel compares the kernel's part of two tables of a level, both of which
// cover the addresses from base on.
func (c *Checker) sameKernel(mine, init model.Frame, level int, base model.VA) (Detail, bool) {
	l := c.s.L
	root := level == l.Geo.Levels
	t := tableOf(c.s, l.Geo, mine, level)
	t.special = level == 2
	if root {
		t = t.from(l.UserSlots())
	}
	for i, a := range t.slots {
		b := c.s.Entry(l.Geo, init, i)
		na, nb := l.Names(a), l.Names(b)
		va := base + model.VA(i)*l.Geo.Span(level)
		has, want := a&model.Present != 0, b&model.Present != 0
		switch {
		case has == want && (!has || na == nb):
			continue
		case !has && want && !c.s.Kernel.Life.Synced && c.lazily(level, va):
			continue
		case has && want && root && l.Geo.Levels == 3:
			// Each root has tables of its own there, unless it names what is no frame.
			if fa, fb := l.Map.Frame(na), l.Map.Frame(nb); fa >= 0 && fb >= 0 {
				if d, ok := c.sameKernel(fa, fb, 2, va); !ok {
					return d, false
				}
				continue
			}
		}
		return atEntry(mine, i, a).WithWant(b, ^model.Entry(0)).WithAddress(l.Geo.Wrap(va)), false
	}
	return Detail{}, true
}

// lazily reports whether the entry of a level for the addresses from va on covers
// the vmalloc area.
func (c *Checker) lazily(level int, va model.VA) bool {
	l := c.s.L
	va, area := l.Geo.Wrap(va), l.Life.Vmalloc
	return area >= va && area < va+l.Geo.Span(level)
}

func tellKernelPart(v *Violation) string {
	if v.has&partAddress == 0 {
		return v.parts()
	}
	if v.has&partFrame != 0 {
		return fmt.Sprintf("%s, the L2 with the hypervisor's slots, which another root names too", v.entry())
	}
	return fmt.Sprintf("for address %s %s; in the kernel's own tables it is %s", v.page(), v.entry(), v.EntryText(v.want))
}

// traceKernelPart judges a load of a trace.
func traceKernelPart(t *Trace, e *TraceEvent) (Detail, result) {
	p := &t.shared
	tb := t.tables[t.cpu(e.CPU).root]
	if e.Reg != 3 || tb == nil || t.partner(tb) != nil {
		return Detail{}, silent
	}
	key, was := t.rootOn(t.cpu(e.CPU)), p.last
	last, again := t.tables[was.frame], p.loaded[key]
	p.last, p.loaded[key] = key, true
	if last == nil || was == key || !again || p.checked[key] == p.version {
		return Detail{}, silent
	}
	p.checked[key] = p.version
	if t.levels == 3 {
		// The last of the four entries is the kernel's.
		mine, theirs := t.kernelL2(tb, key.slot), t.kernelL2(last, was.slot)
		if mine == nil || theirs == nil || mine == theirs {
			return Detail{}, held
		}
		return t.samePart(mine, theirs, 0)
	}
	first := t.slots() / 2
	if t.levels == 2 {
		first = int(t.userEnd() >> t.shift(2))
	}
	return t.samePart(tb, last, first)
}

// kernelL2 is the table of the last entry of the PAE root that begins at a slot of a frame.
func (t *Trace) kernelL2(root *tracedTable, slot int) *tracedTable {
	return t.child(root, t.entry(root.frame, slot+rootSlots-1))
}

// samePart compares entries of two tables from a slot on.
func (t *Trace) samePart(mine, theirs *tracedTable, first int) (Detail, result) {
	for slot := first; slot < t.slots(); slot++ {
		a, b := t.entry(mine.frame, slot), t.entry(theirs.frame, slot)
		if a.Is(model.Present) && b.Is(model.Present) && (t.s.L.Names(a) != t.s.L.Names(b) || t.isLeaf(mine.level, a) != t.isLeaf(mine.level, b)) {
			d := atEntry(mine.frame, slot, a).WithWant(b, model.FrameMask)
			if va, ok := t.address(mine, slot); ok {
				d = d.WithAddress(va)
			}
			return d, broken
		}
	}
	return Detail{}, held
}
