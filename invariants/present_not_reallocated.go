package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func presentNotReallocated() Rule {
	return Rule{
		ID:      "present-not-reallocated",
		Says:    "A present table entry keeps its table page.",
		Applies: "while memory, ranges, fixmap leaves and aliases are mapped; natively a large-page leaf may replace a pointer to a boot table",
		Source:  "Linux b239fb25, one_md_table_init and one_page_table_init: allocate only if the entry is not present",
		Limits:  "says nothing of tables that the backend moves on purpose in setup_start and setup_done",
		Goal:    "a map or range call finds all its tables present",
		Span:    Booting,
		Tell:    tellReallocation,
		check:   checkReallocation,
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
		if !e.old.Is(model.Present) || e.now.Is(model.Present) && e.old.MFN() == e.now.MFN() && !c.turnsLarge(e.old, e.now) {
			continue
		}
		level := rootOf(c.s, g, model.Frame(c.s.L.Kernel.Root)).levelBelow(e.table)
		if level < 2 || e.slot >= g.Slots[level] || c.mayReplace(level, e.old, e.now) {
			continue
		}
		return c.fail(atEntry(e.table, e.slot, e.now).WithWas(e.old))
	}
	return silent
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
