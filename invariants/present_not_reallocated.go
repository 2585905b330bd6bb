package invariants

import "github.com/ptcheck/ptcheck/model"

func presentNotReallocated() Rule {
	return Rule{
		ID:      "present-not-reallocated",
		Says:    "A present table entry keeps its table page.",
		Applies: "while memory, ranges, fixmap leaves and aliases are mapped; natively a large-page leaf may replace a pointer to a boot table",
		Source:  "Linux b239fb25, one_md_table_init and one_page_table_init: allocate only if the entry is not present",
		Limits:  "says nothing of tables that the backend moves on purpose in setup_start and setup_done",
		Goal:    "a map or range call finds all its tables present",
		Boot:    true,
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
	switch st.Op {
	case model.OpCallEnd:
		if !c.call.allocated {
			return held
		}
	}
	g := c.s.L.Geo
	for w := range c.s.Writes {
		for i := range 8 / g.Width {
			old, now := entryOf(g, w.Old, i), entryOf(g, c.s.Word(w.Frame, w.Word), i)
			if old&model.Present == 0 || now&model.Present != 0 && old.MFN() == now.MFN() && !c.turnsLarge(old, now) {
				continue
			}
			slot := w.Word*8/g.Width + i
			level := c.upperLevel(w.Frame)
			if level < 2 || slot >= g.Slots[level] || c.mayReplace(level, old, now) {
				continue
			}
			return c.fail(Detail{Frame: model.NoFrame, Table: w.Frame, Slot: slot, Want: uint64(old), Got: uint64(now)})
		}
	}
	return silent
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

// upperLevel is the level at which a frame serves as a table above L1 under the
// kernel's root, 0 if it does not.
func (c *Checker) upperLevel(f model.Frame) int {
	root := model.Frame(c.s.L.Kernel.Root)
	if f == root {
		return c.s.L.Geo.Levels
	}
	return c.findUpper(root, c.s.L.Geo.Levels, f)
}

func (c *Checker) findUpper(table model.Frame, level int, f model.Frame) int {
	if level <= 2 || table < 0 {
		return 0
	}
	g := c.s.L.Geo
	for i := range g.Slots[level] {
		e := c.s.Entry(g, table, i)
		if e&model.Present == 0 {
			continue
		}
		child := c.s.L.Map.Frame(e.MFN())
		if child == f {
			return level - 1
		}
		if n := c.findUpper(child, level-1, f); n > 0 {
			return n
		}
	}
	return 0
}
