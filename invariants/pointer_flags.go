package invariants

import "github.com/ptcheck/ptcheck/model"

func pointerFlags() Rule {
	return Rule{
		ID:      "pointer-flags",
		Says:    "Pointers to tables are present and writable and carry nothing else that has an effect; no entry uses a bit that the processor's mode reserves.",
		Applies: "to the entries of tables in use that a step changes or brings into use; hypervisors add flags of their own, which are allowed",
		Source:  "Linux b239fb25, _PAGE_TABLE and one_md_table_init; Intel SDM vol. 3, 4.4.1 (PAE root entries), 4.5 and table 4-6; Xen, adjust_guest_l2e to adjust_guest_l4e",
		Limits:  "user, accessed and dirty bits of pointers are free, and so are the software bits where they are not reserved; leaves are judged for NX and G only",
		Goal:    "a pointer to a table is written or comes into use",
		check:   checkPointers,
		ops:     entryOps,
	}
}

// entryOps are the steps that can change an entry of a table in use, or which
// tables are.
var entryOps = append(model.Storing(), model.OpLoadCR3, model.OpSetCR4, model.OpNewBaseptr, model.OpCallBegin, model.OpCallEnd)

func checkPointers(c *Checker, _ *model.Step) result {
	out := silent
	c.trees.eachNew(c.s, func(e edit) bool {
		if !e.now.Is(model.Present) {
			return true
		}
		g := c.trees.of(e.trees).geo
		leaf := e.level == 1 || largeLeaf(c.s, g, e.level, e.now)
		ok := leaf && c.leafBits(g, e) || !leaf && c.pointerBits(g, e)
		if !ok {
			out = c.fail(Detail{Frame: model.NoFrame, Table: e.table, Slot: e.slot, Got: uint64(e.now)})
			return false
		}
		if !leaf && e.now != e.old {
			out = held
		}
		return true
	})
	return out
}

// leafBits judges a leaf: no-execute and global only where the processor has them,
// a large page only where the kernel may use it.
func (c *Checker) leafBits(g *model.Geometry, e edit) bool {
	l := c.s.L
	switch {
	case e.now.Is(model.NX) && !c.s.CPU.NXE:
		return false
	case e.now.Is(model.Global) && !l.Kernel.HasPGE && (l.Hyper == nil || !g.SignExtend):
		return false // a 64-bit hypervisor makes user pages global
	case c.reserved(g, e.now):
		return false
	}
	pages := model.MFN(g.Span(e.level) / model.PageSize)
	return e.level == 1 || l.Hyper == nil && l.Kernel.HasPSE && e.now.MFN()%pages <= 1
}

// pointerBits judges a pointer to a table.
func (c *Checker) pointerBits(g *model.Geometry, e edit) bool {
	const free = model.User | model.Accessed | model.Dirty | model.Avail | model.AvailHigh
	want := model.Present | model.RW
	flags := e.now.Flags() &^ free
	if g.PAERoot && e.level == g.Levels {
		want = model.Present
		switch {
		case c.s.L.Hyper == nil || !c.s.L.Hyper.Profile.Modern:
			// The processor loads these entries itself: their other flags are reserved.
			flags = e.now.Flags() &^ model.Avail
		default:
			flags &^= model.RW // Xen adds it
		}
	}
	return flags == want && !c.reserved(g, e.now)
}

// reserved reports whether an entry has frame bits set that a 32-bit processor
// reserves.
func (c *Checker) reserved(g *model.Geometry, e model.Entry) bool {
	return g.Width == 8 && !g.SignExtend && c.s.L.Hyper == nil && e&model.AvailHigh != 0
}
