package invariants

import "github.com/ptcheck/ptcheck/model"

func tablesReserved() Rule {
	return Rule{
		ID:      "tables-reserved",
		Says:    "Each table lies in a page that was a table at the start of the day, belongs to the kernel or came from the boot allocator, and serves in one place; nothing is mapped outside low memory and the fixmap.",
		Applies: "to tables and leaves that come into use, and when a call ends to all tables under CR3 and the kernel's root",
		Source:  "Linux b239fb25, alloc_bootmem_low_pages in one_md_table_init and one_page_table_init, max_low_pfn in kernel_physical_mapping_init; 551889a6e2a2 on mappings beyond the end",
		Limits:  "what head.S and the builder mapped is exempt until the kernel writes it; tables shared with the low half are looked at in the kernel's half only",
		Goal:    "a table comes into use",
		Boot:    true,
		check:   checkReserved,
		ops:     entryOps,
	}
}

func checkReserved(c *Checker, st *model.Step) result {
	out := silent
	for _, p := range c.trees.gained {
		if !c.reservedTable(p.frame) {
			return c.fail(Detail{Frame: p.frame})
		}
		out = held
	}
	good := c.trees.eachNew(c.s, func(e edit) bool {
		if e.trees&inKernel == 0 || c.wellPlaced(&e) {
			return true
		}
		va := c.trees.kernel.address(e.table, e.level, e.slot)
		c.fail(Detail{Frame: model.NoFrame, VA: va, Table: e.table, Slot: e.slot, Got: uint64(e.now)})
		return false
	})
	if !good {
		return broken
	}
	if st.Op != model.OpCallEnd {
		return out
	}
	for _, t := range [...]*tree{&c.trees.kernel, &c.trees.active} {
		for _, f := range t.tables {
			// One role: more than one bit is set otherwise.
			if r := t.roles[f] &^ special; !c.reservedTable(f) || r&(r-1) != 0 {
				return c.fail(Detail{Frame: f})
			}
		}
	}
	if f := c.usedTwice(); f != model.NoFrame {
		return c.fail(Detail{Frame: f})
	}
	return out
}

// reservedTable reports whether a frame may be a table.
func (c *Checker) reservedTable(f model.Frame) bool {
	k := &c.s.L.Kernel
	pfn := model.PFN(f)
	return c.start.tables[f] || pfn == k.Root || pfn == k.ZeroPage || pfn >= k.BootmemFirst && pfn < c.s.Kernel.BootmemNext ||
		c.s.L.Early != nil && c.s.Kernel.Buffer.Tables.Has(pfn)
}

// wellPlaced judges where a new leaf of the kernel's half lies.
func (c *Checker) wellPlaced(e *edit) bool {
	l, t := c.s.L, &c.trees.kernel
	if !e.now.Is(model.Present) || e.level > 1 && !largeLeaf(c.s, t.geo, e.level, e.now) {
		return true
	}
	if c.start.tables[e.table] && (e.came || e.old.Is(model.Present) && e.old.MFN() == e.now.MFN()) {
		return true // it was mapped when the day began
	}
	va := t.address(e.table, e.level, e.slot)
	k := &l.Kernel
	if va < k.PageOffset {
		return true // user space, or the low identity
	}
	if e := l.Early; e != nil && (va >= e.DirectEnd || e.Listed(l.PA(va).PFN())) {
		return true // the vmalloc area, page structs and fixmap of later kernels
	}
	pkmapEnd := k.PkmapBase + model.VA(k.LastPkmap)*model.PageSize
	return l.PA(va).PFN() < k.MaxLowPFN ||
		va >= l.Fix(k.NrFixed-1) && va <= l.Fix(0) || k.Highmem && va >= k.PkmapBase && va < pkmapEnd
}

// usedTwice finds a table that two entries of the kernel's half name. The zero page
// may serve in many places.
func (c *Checker) usedTwice() model.Frame {
	t := &c.trees.kernel
	if t.geo == nil {
		return model.NoFrame
	}
	for _, f := range t.tables {
		t.was[f] = 0
	}
	found := c.countUses(t, t.root, t.geo.Levels, false)
	for _, f := range t.tables {
		t.was[f] = 0
	}
	return found
}

func (c *Checker) countUses(t *tree, f model.Frame, level int, isSpecial bool) model.Frame {
	first := 0
	if level == t.geo.Levels {
		first = c.s.L.UserSlots()
	}
	for i := first; i < t.geo.Slots[level]; i++ {
		e := c.s.Entry(t.geo, f, i)
		if !e.Is(model.Present) || t.hides(c.s.L, level, i, isSpecial) || largeLeaf(c.s, t.geo, level, e) {
			continue
		}
		child := c.s.L.Map.Frame(e.MFN())
		if !t.has(child) || child == model.Frame(c.s.L.Kernel.ZeroPage) {
			continue
		}
		if t.was[child] != 0 {
			return child
		}
		t.was[child] = 1
		if level > 2 {
			if twice := c.countUses(t, child, level-1, level == t.geo.Levels && i == t.geo.Slots[level]-1); twice != model.NoFrame {
				return twice
			}
		}
	}
	return model.NoFrame
}
