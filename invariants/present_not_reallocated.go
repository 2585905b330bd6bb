package invariants

import (
	"fmt"
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
)

func presentNotReallocated() Rule {
	return Rule{
		ID:      "present-not-reallocated",
		Says:    "A present table entry keeps its table page, or gets one that has all that was in it.",
		Applies: "while memory, ranges, fixmap leaves and aliases are mapped; natively a large-page leaf may replace a pointer to a boot table; later kernels move tables that way, to have them in a row",
		Source:  "Linux b239fb25, one_md_table_init and one_page_table_init: allocate only if the entry is not present; a3c6018e565d, page_table_kmap_check",
		Limits:  "says nothing of tables that the backend moves on purpose in setup_start and setup_done",
		Goal:    "a map or range call finds all its tables present",
		Span:    Booting,
		Tell:    tellReallocation,
		check:   checkReallocation,
		heeds:   overwritten,
		trace: &traceRule{
			applies: "to each store that leads an upper entry from one table to another",
			limits:  "what was in the table before is compared entry by entry; a table that is taken away first and linked elsewhere later is another table",
			ops:     []TraceOp{TraceStore},
			check:   traceReallocation,
			on:      OnMetal,
		},
	}
}

func checkReallocation(c *Checker, st *model.Step) result {
	switch st.Call.Kind {
	case model.CallMap, model.CallRange, model.CallFixmap, model.CallAlias,
		model.CallIoremapInit, model.CallMapRange, model.CallTopStart, model.CallTopStep, model.CallTopEnd, model.CallMemMap, model.CallVmap:
	default:
		return silent
	}
	if st.Op == model.OpCallEnd && !c.call.allocated {
		return held
	}
	g := c.s.L.Geo
	for _, e := range c.changed(g) {
		if !e.old.Is(model.Present) || e.now.Is(model.Present) && c.s.L.Names(e.old) == c.s.L.Names(e.now) && !c.turnsLarge(e.old, e.now) {
			continue
		}
		level := c.kernelLevel(e.table)
		if level < 2 || e.slot >= g.Slots[level] || c.mayReplace(level, e.old, e.now) || c.copied(level, e.old, e.now) {
			continue
		}
		return c.fail(atEntry(e.table, e.slot, e.now).WithWas(e.old))
	}
	return silent
}

// kernelLevel is the level, above L1, at which the kernel's tree has a frame as a table, 0 if it
// has not. Where memory is large the tree knows, if the frame is a table of one level.
func (c *Checker) kernelLevel(f model.Frame) int {
	t := &c.trees.kernel
	if c.large && t.geo != nil {
		const above = ^uint8(special | 1<<1)
		switch r := t.roles[f] &^ special; {
		case r&above == 0:
			return 0
		case r&(r-1) == 0:
			return bits.TrailingZeros8(r)
		}
	}
	return rootOf(c.s, c.s.L.Geo, model.Frame(c.s.L.Kernel.Root)).levelBelow(f)
}

func tellReallocation(v *Violation) string {
	return fmt.Sprintf("entry %s, a pointer to a table, was %s and is %s", v.slotName(), v.EntryText(v.was), v.EntryText(v.is))
}

// turnsLarge reports whether a change makes a table pointer a large page.
func (c *Checker) turnsLarge(old, now model.Entry) bool { return (old^now)&model.PSE != 0 }

// mayReplace reports whether an upper entry may lose its table: on bare metal
// to a large page, which then maps the same memory.
func (c *Checker) mayReplace(level int, old, now model.Entry) bool {
	if largeLeaf(c.s, c.s.L.Geo, level, old) {
		return true // a leaf, not a table
	}
	return c.s.L.Hyper == nil && now&model.Present != 0 && largeLeaf(c.s, c.s.L.Geo, level, now)
}

// copied reports whether the table that an upper entry has got has all that is in the one
// that it had.
func (c *Checker) copied(level int, old, now model.Entry) bool {
	s := c.s
	g, l := s.L.Geo, s.L
	if !now.Is(model.Present) || largeLeaf(s, g, level, now) {
		return false
	}
	from, to := l.Map.Frame(l.Names(old)), l.Map.Frame(l.Names(now))
	if from < 0 || to < 0 {
		return false
	}
	for slot, e := range tableOf(s, g, from, level-1).entries {
		if !sameEffect(e, s.Entry(g, to, slot)) {
			return false
		}
	}
	return true
}

// traceReallocation judges a store of a trace.
func traceReallocation(t *Trace, e *TraceEvent) (Detail, result) {
	if !t.points(e.Level, e.Old) || !t.points(e.Level, e.New) {
		return Detail{}, silent
	}
	if t.s.L.Names(e.Old) == t.s.L.Names(e.New) || t.copied(e) {
		return Detail{}, held
	}
	return atEntry(e.Frame, e.Slot, e.New).WithWas(e.Old), broken
}

// copied reports whether the table that an entry has got has all that is in the one that it
// had.
func (t *Trace) copied(e *TraceEvent) bool {
	from, to := t.tables[t.s.L.Map.Frame(t.s.L.Names(e.Old))], t.tables[t.s.L.Map.Frame(t.s.L.Names(e.New))]
	if from == nil || to == nil {
		return false
	}
	same := true
	t.eachEntry(from, func(slot int, old model.Entry) { same = same && sameEffect(old, t.entry(to.frame, slot)) })
	return same
}
