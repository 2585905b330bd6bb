package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func tablesReserved() Rule {
	return Rule{
		ID:      "tables-reserved",
		Says:    "Each table lies in a page that was a table at the start of the day, belongs to the kernel or came from the boot allocator; those of the kernels of 2007 serve in one place, and nothing is mapped outside low memory and the fixmap.",
		Applies: "to tables and leaves that come into use, and when a call ends to all tables under CR3 and the kernel's root",
		Source:  "Linux b239fb25, alloc_bootmem_low_pages in one_md_table_init and one_page_table_init, max_low_pfn in kernel_physical_mapping_init; 551889a6e2a2 on mappings beyond the end; later kernels map vmalloc areas, and let one table serve in many places (3891a04aafd6, espfix)",
		Limits:  "what head.S and the builder mapped is exempt until the kernel writes it; tables shared with the low half are looked at in the kernel's half only",
		Goal:    "a table comes into use",
		Span:    Booting,
		Tell:    tellReserved,
		check:   checkReserved,
		heeds:   newEntries | newTables,
		ops:     entryOps,
	}
}

func checkReserved(c *Checker, st *model.Step) result {
	out := silent
	for _, p := range c.trees.gained {
		if !c.reservedTable(p.frame) {
			return c.fail(about(p.frame).Because(notReserved))
		}
		out = held
	}
	good := c.trees.eachNew(c.s, func(e *edit) bool {
		if c.s.L.Early != nil || e.trees&inKernel == 0 || c.wellPlaced(e) {
			return true
		}
		va := c.trees.kernel.address(e.table, e.level, e.slot)
		c.fail(atEntry(e.table, e.slot, e.now).WithAddress(va))
		return false
	})
	if !good {
		return broken
	}
	if st.Op != model.OpCallEnd {
		return out
	}
	for _, t := range [...]*tree{&c.trees.kernel, &c.trees.active} {
		for _, f := range c.newlyNamed(t) {
			if !t.has(f) {
				continue // not any more
			}
			if !c.reservedTable(f) {
				return c.fail(about(f).Because(notReserved))
			}
			// One role: more than one bit is set otherwise.
			if r := t.roles[f] &^ special; r&(r-1) != 0 {
				return c.fail(about(f).Because("is a table of two levels at a time"))
			}
		}
	}
	if c.s.L.Early == nil {
		if f := c.usedTwice(); f != model.NoFrame {
			return c.fail(about(f).Because("is named as a table by two entries"))
		}
	}
	c.sweeps.reserved[0].done(&c.trees.kernel)
	c.sweeps.reserved[1].done(&c.trees.active)
	return out
}

// newlyNamed are the tables of a tree to look at when a call ends: where memory is large
// those that entries have come to name.
func (c *Checker) newlyNamed(t *tree) []model.Frame {
	w := &c.sweeps.reserved[0]
	if t == &c.trees.active {
		w = &c.sweeps.reserved[1]
	}
	if !c.goesOn(w, t) || len(t.named) == maxNamed {
		return t.tables
	}
	return t.named
}

const notReserved = "is in use as a table; it was none at the start of the day, is not the kernel's own and not from the boot allocator"

func tellReserved(v *Violation) string {
	if v.has&partFrame != 0 {
		return v.name(v.frame) + " " + v.why
	}
	return fmt.Sprintf("%s maps address %s, which is outside low memory and the fixmap", v.entry(), v.page())
}

// reservedTable reports whether a frame may be a table.
func (c *Checker) reservedTable(f model.Frame) bool {
	k := &c.s.L.Kernel
	pfn := model.PFN(f)
	return c.start.tables[f] || pfn == k.Root || pfn == k.ZeroPage || k.Tables.Has(pfn) || pfn >= k.BootmemFirst && pfn < c.s.Kernel.BootmemNext ||
		c.s.L.Early != nil && c.s.Kernel.Buffer.Tables.Has(pfn)
}

// wellPlaced judges where a new leaf of the kernel's half lies, of a kernel of 2007.
func (c *Checker) wellPlaced(e *edit) bool {
	l, t := c.s.L, &c.trees.kernel
	if !e.now.Is(model.Present) || e.level > 1 && !largeLeaf(c.s, t.geo, e.level, e.now) {
		return true
	}
	if c.start.tables[e.table] && (e.came || e.old.Is(model.Present) && l.Names(e.old) == l.Names(e.now)) {
		return true // it was mapped when the day began
	}
	va := t.address(e.table, e.level, e.slot)
	k := &l.Kernel
	if va < k.PageOffset {
		return true // user space, or the low identity
	}
	pkmapEnd := k.PkmapBase + model.VA(k.LastPkmap)*model.PageSize
	return l.PA(va).PFN() < k.MaxLowPFN ||
		va >= l.Fix(k.NrFixed-1) && va <= l.Fix(0) || k.Highmem && va >= k.PkmapBase && va < pkmapEnd
}

// namedTwice finds such a table among those that entries have come to name.
func (c *Checker) namedTwice(t *tree) model.Frame {
	start := model.VA(c.s.L.UserSlots()) * t.geo.Span(t.geo.Levels)
	for _, f := range t.named {
		if r := &t.refs[f]; r[1]+r[2]+r[3]+r[4] < 2 || f == model.Frame(c.s.L.Kernel.ZeroPage) {
			continue
		}
		t.forgetWays()
		t.bases = t.bases[:0]
		for level := 1; level < t.geo.Levels; level++ {
			t.ways(c.s, f, level)
		}
		ways := 0
		for _, base := range t.bases {
			if base >= start {
				ways++
			}
		}
		if ways > 1 {
			return f
		}
	}
	return model.NoFrame
}

// usedTwice finds a table that two entries of the kernel's half name. The zero page
// may serve in many places.
func (c *Checker) usedTwice() model.Frame {
	t := &c.trees.kernel
	switch {
	case t.geo == nil:
		return model.NoFrame
	case c.goesOn(&c.sweeps.reserved[0], t) && len(t.named) < maxNamed:
		return c.namedTwice(t)
	}
	for _, f := range t.tables {
		t.was[f] = 0
	}
	found := model.NoFrame
	top := rootOf(c.s, t.geo, t.root)
	top.from(c.s.L.UserSlots()).eachTable(func(x table) bool {
		switch {
		case x.level == top.level:
			return true
		case found != model.NoFrame || !t.has(x.frame) || x.frame == model.Frame(c.s.L.Kernel.ZeroPage):
			return false
		case t.was[x.frame] != 0:
			found = x.frame
			return false
		}
		t.was[x.frame] = 1
		return true
	})
	for _, f := range t.tables {
		t.was[f] = 0
	}
	return found
}
