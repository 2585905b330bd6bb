package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func setupIdempotent() Rule {
	return Rule{
		ID:      "setup-idempotent",
		Says:    "A call that finds everything in place already changes nothing that has an effect, and allocates nothing.",
		Applies: "when a map, range, fixmap or alias call ends that had nothing to do: all that it establishes was there before, as the kernel would leave it",
		Source:  "Linux b239fb25: tables are made only where missing, leaves are written with the same value again",
		Limits:  "entries that change and change back do not count, nor do software, accessed and dirty bits and what an absent entry holds; says nothing of a call that splits or joins pages or moves a table, nor while the other processor is in a call",
		Goal:    "such a call ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellIdempotent,
		check:   checkIdempotent,
		ops:     []model.Op{model.OpCallBegin, model.OpCallEnd},
	}
}

func checkIdempotent(c *Checker, st *model.Step) result {
	m := c.call
	if st.Op == model.OpCallBegin {
		m.settled = c.settled(&st.Call)
		return silent
	}
	if !m.settled || m.shared {
		return silent
	}
	if d, yes := c.effects(); yes {
		return c.fail(d)
	}
	if m.allocated {
		return c.fail(about(model.Frame(c.s.Kernel.BootmemNext) - 1))
	}
	return held
}

// noteEffects follows a call that has nothing to do: it remembers the entries whose effect
// the step has changed, with what they were.
func (c *Checker) noteEffects() {
	m := c.call
	for _, w := range c.stores {
		g, roles := c.readAs(w.Frame)
		now := c.s.Word(w.Frame, w.Word)
		for i := range 8 / g.Width {
			old, now := entryOf(g, w.Old, i), entryOf(g, now, i)
			switch {
			case sameEffect(old, now):
			case c.resizes(g, roles, old, now), c.moves(roles, old, now):
				m.settled = false // pages of another size, and copies, are as good
				return
			default:
				m.note(w.Frame, w.Word*8/g.Width+i, old)
			}
		}
	}
}

// readAs is the geometry of a frame that is a table in use, with its roles; for others
// the kernel's.
func (c *Checker) readAs(f model.Frame) (g *model.Geometry, roles uint8) {
	for _, t := range [...]*tree{&c.trees.kernel, &c.trees.active} {
		if t.has(f) {
			return t.geo, t.roles[f]
		}
	}
	return c.s.L.Geo, 0
}

// resizes reports whether an entry of an L2 turns from a table into a large page, or the
// other way round.
func (c *Checker) resizes(g *model.Geometry, roles uint8, old, now model.Entry) bool {
	return roles>>2&1 != 0 && old.Is(model.Present) && now.Is(model.Present) && largeLeaf(c.s, g, 2, old) != largeLeaf(c.s, g, 2, now)
}

// moves reports whether an entry above L1 gets a copy of the table that it had.
func (c *Checker) moves(roles uint8, old, now model.Entry) bool {
	for level := 2; level <= c.s.L.Geo.Levels; level++ {
		if roles>>level&1 != 0 && old.Is(model.Present) && !largeLeaf(c.s, c.s.L.Geo, level, old) {
			return c.copied(level, old, now)
		}
	}
	return false
}

// effects points at an entry whose effect the call has changed, if there is one.
func (c *Checker) effects() (d Detail, yes bool) {
	for _, x := range c.call.changed {
		g, _ := c.readAs(x.frame)
		if now := c.s.Entry(g, x.frame, x.slot); !sameEffect(x.old, now) {
			return atEntry(x.frame, x.slot, now).WithWas(x.old), true
		}
	}
	return d, c.call.manyChanged
}

func tellIdempotent(v *Violation) string {
	const found = "the call found everything in place"
	switch {
	case v.has&partFrame != 0:
		return fmt.Sprintf("%s, and has taken %s from the boot allocator", found, v.name(v.frame))
	case v.has&partEntry != 0:
		return fmt.Sprintf("%s; entry %s was %s and is %s", found, v.slotName(), v.EntryText(v.was), v.EntryText(v.is))
	}
	return found + ", and has changed many entries"
}

// settled reports whether everything that a call is to establish is there.
func (c *Checker) settled(call *model.Call) bool {
	l := c.s.L
	if c.trees.kernel.geo == nil {
		return false
	}
	switch call.Kind {
	case model.CallMap:
		if call.From == 0 && call.To == l.Kernel.MaxLowPFN && !c.kernelSlots() {
			return false
		}
		return c.leavesAre(call, true) == held
	case model.CallRange:
		span := l.Geo.Span(2)
		return (call.End-call.Start)%span == 0 && call.Start%span == 0 && c.hasTables(call.Start, call.End)
	case model.CallFixmap, model.CallAlias:
		va := l.Fix(call.Index)
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), va)
		want, _ := c.fixFlags(call.Kind == model.CallFixmap)
		return ok && m.level == 1 && l.Names(m.leaf) == l.Map.MFN(model.Frame(call.From)) &&
			(m.leaf^c.asStored(want))&(model.FlagMask&^ownBits|l.Encrypt) == 0
	}
	return false
}

// kernelSlots reports whether each root slot of the kernel has its table: a loop
// over all of low memory makes those of PAE beyond its end too.
func (c *Checker) kernelSlots() bool {
	l := c.s.L
	if l.Geo.Levels != 3 {
		return true
	}
	for _, e := range rootOf(c.s, l.Geo, model.Frame(l.Kernel.Root)).from(l.UserSlots()).slots {
		if !e.Is(model.Present) {
			return false
		}
	}
	return true
}

// asStored is how a leaf of the kernel's is found again in memory: hypervisors of
// 64-bit guests add flags, and 32-bit guests lose NX when they make an entry.
func (c *Checker) asStored(want model.Entry) model.Entry {
	switch {
	case c.s.L.Hyper == nil:
		return want
	case c.s.L.Geo.SignExtend:
		return want | model.User | model.GuestKernel
	}
	return want &^ model.NX
}
