package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func setupIdempotent() Rule {
	return Rule{
		ID:      "setup-idempotent",
		Says:    "A call that finds everything in place already changes nothing and allocates nothing.",
		Applies: "when a map, range, fixmap or alias call ends that had nothing to do: all that it establishes was there before, to the bit",
		Source:  "Linux b239fb25: tables are made only where missing, leaves are written with the same value again",
		Limits:  "words that change and change back do not count; says nothing while the other processor is in a call",
		Goal:    "such a call ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellIdempotent,
		check:   checkIdempotent,
		ops:     []model.Op{model.OpCallBegin, model.OpCallEnd},
	}
}

func checkIdempotent(c *Checker, st *model.Step) result {
	if st.Op == model.OpCallBegin {
		c.call.settled = c.settled(&st.Call)
		return silent
	}
	if !c.call.settled || c.call.shared || c.s.L.AccessBits {
		return silent
	}
	if w, yes := c.call.differs(c.s); yes {
		return c.fail(c.changedIn(w))
	}
	if c.call.allocated {
		return c.fail(about(model.Frame(c.s.Kernel.BootmemNext) - 1))
	}
	return held
}

// changedIn points at the entry that differs in a word.
func (c *Checker) changedIn(w model.Write) (d Detail) {
	if w.Frame < 0 {
		return d
	}
	g, now := c.s.L.Geo, c.s.Word(w.Frame, w.Word)
	per := 8 / g.Width
	for i := range per {
		if old, now := entryOf(g, w.Old, i), entryOf(g, now, i); old != now {
			d = atEntry(w.Frame, w.Word*per+i, now).WithWas(old)
		}
	}
	return d
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
		return ok && m.level == 1 && m.leaf.MFN() == l.Map.MFN(model.Frame(call.From)) && m.leaf.Flags() == c.asStored(want)
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
