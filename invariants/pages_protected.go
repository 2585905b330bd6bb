package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func pagesProtected() Rule {
	return Rule{
		ID:      "pages-protected",
		Says:    "Each page grants what its part of the address space is for, and no more: data is not executable, the kernel's pages are not for user mode, those of processes are, memory is cached.",
		Applies: "when a call ends, from setup_start on, to all that the kernel's root maps and to the processes' parts; while nobody is in the middle of another call or lazy. What the boot tables map stays executable until a 32-bit kernel has mapped all of its memory, and in a 64-bit kernel for good",
		Source:  "Linux, asm/pgtable_types.h: PAGE_KERNEL, PAGE_KERNEL_EXEC, PAGE_SHARED; CONFIG_DEBUG_WX; Intel SDM vol. 3, 4.6 and table 4-6; each area has its own",
		Limits:  "no-execute is judged where the kernel has switched it on, not in 32-bit guests, where making an entry loses it; write permission under a hypervisor only of page structs; that read-only data becomes read-only comes after all that is modelled; how devices are cached is free",
		Goal:    "a call ends that may have changed a mapping",
		Kernel:  GrownKernel,
		From:    model.PhaseStarted,
		Tell:    tellProtected,
		check:   checkProtected,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkProtected(c *Checker, st *model.Step) result {
	l := c.s.L
	switch idle := l.Life != nil && c.s.Processors() == 1 && len(c.call.words) == 0 && !c.call.full; {
	case idle, c.trees.kernel.geo == nil, st.Busy, l.Life != nil && !c.quiet(st):
		return silent
	}
	list := areas()
	judge := func(root model.Frame) func(va model.VA) bool {
		w := walker{s: c.s, g: l.Geo, root: root}
		return func(va model.VA) bool { return c.protected(&list, &w, va) }
	}
	root := model.Frame(l.Kernel.Root)
	ok := c.kernelProtected(judge(root))
	for i := range c.s.Kernel.Life.MM {
		mm := &c.s.Kernel.Life.MM[i]
		for _, f := range [...]model.Frame{mm.Root, mm.User} {
			ok = ok && (l.Life == nil || f == model.NoFrame || c.eachOwnPage(f, judge(f)))
		}
	}
	if !ok {
		return broken
	}
	return held
}

// protectedSweep is what the rule has looked at of the kernel's tree, and whether a later kernel
// had been asked to map all by then, which changes what it demands.
type protectedSweep struct {
	sweep
	allMapped bool
}

// kernelProtected judges what the kernel's root maps; in a large memory what leads elsewhere
// since the last call.
func (c *Checker) kernelProtected(judge func(va model.VA) bool) bool {
	l, w, t := c.s.L, &c.sweeps.protected, &c.trees.kernel
	all, good := l.Early != nil && c.allMapped(), false
	if c.goesOn(&w.sweep, t) && all == w.allMapped {
		good = c.eachNewLeaf(t, func(va model.VA, _ *mapping) bool { return judge(va) })
	} else {
		good = c.eachPage(rootOf(c.s, l.Geo, model.Frame(l.Kernel.Root)), judge)
	}
	if w.allMapped = all; good {
		w.done(t)
	}
	return good
}

// eachPage visits the first page of each present leaf below a table.
func (c *Checker) eachPage(top table, visit func(va model.VA) bool) bool {
	g := top.g
	return top.walk(nil, func(t table, slot int, e model.Entry) bool {
		return !e.Is(model.Present) || visit(g.Wrap(t.base+model.VA(slot)*g.Span(t.level)))
	})
}

// eachOwnPage visits those below a process's root that are not the kernel's.
func (c *Checker) eachOwnPage(root model.Frame, visit func(va model.VA) bool) bool {
	l := c.s.L
	top := rootOf(c.s, l.Geo, root)
	return top.present(l.UserSlots(), func(slot int, e model.Entry, _ model.Frame) bool {
		return c.eachPage(top.child(slot, e), func(va model.VA) bool { return va >= halfOf(l) || visit(va) })
	})
}

// protected judges a page under a root by the area that it lies in.
func (c *Checker) protected(list *[numAreas]area, w *walker, va model.VA) bool {
	l := c.s.L
	m, ok := w.resolve(va)
	if !ok {
		return true
	}
	for i := range list {
		a := &list[i]
		if !a.has(l, m.level, va) {
			continue
		}
		want := a.must
		if l.Hyper != nil {
			want = a.guest
		}
		is, judged := c.rights(m), c.judged(m)
		if a.apart && judged.Is(model.NX) && is&(model.RW|model.NX) == model.RW {
			want |= model.NX
		}
		if want.Is(model.NX) && c.ofTheBoot(va) {
			want &^= model.NX
		}
		care := (want | a.never) & judged
		if (is^want)&care == 0 {
			return true
		}
		c.fail(c.at(va, l.Geo, *m).Because(a.name).WithGrants(is).WithWant(want, care))
		return false
	}
	return true
}

func tellProtected(v *Violation) string {
	text := fmt.Sprintf("address %s, in %s: %s", v.page(), v.why, v.entry())
	for _, right := range [...]struct {
		bits        model.Entry
		has, hasNot string
	}{
		{model.User, "user mode may use it", "user mode may not use it"},
		{model.RW, "it can be written", "it cannot be written"},
		{model.NX, "it cannot be executed", "it can be executed"},
		{model.PWT | model.PCD, "it is not cached as memory is", ""},
	} {
		switch differs := (v.grants ^ v.want) & v.care & right.bits; {
		case differs == 0:
		case v.grants&right.bits != 0:
			text += "; " + right.has
		default:
			text += "; " + right.hasNot
		}
	}
	return text
}
