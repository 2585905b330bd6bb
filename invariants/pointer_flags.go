package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func pointerFlags() Rule {
	return Rule{
		ID:      "pointer-flags",
		Says:    "Pointers to tables are present and writable and carry nothing else that has an effect; no entry uses a bit that the processor's mode reserves.",
		Applies: "to the entries of tables in use that a step changes or brings into use; hypervisors add flags of their own, which are allowed",
		Source:  "Linux b239fb25, _PAGE_TABLE and one_md_table_init; Intel SDM vol. 3, 4.4.1 (PAE root entries), 4.5 and table 4-6; Xen, adjust_guest_l2e to adjust_guest_l4e",
		Limits:  "user, accessed and dirty bits of pointers are free, and so are the software bits where they are not reserved; leaves are judged for NX and G only",
		Goal:    "a pointer to a table is written or comes into use",
		Tell:    tellPointer,
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
		if leaf {
			if why := c.leafBits(g, e); why != "" {
				out = c.fail(atEntry(e.table, e.slot, e.now).Because(why))
				return false
			}
		} else if want, care, ok := c.pointerBits(g, e); !ok {
			out = c.fail(atEntry(e.table, e.slot, e.now).Because("a pointer to a table").WithWant(want, care))
			return false
		}
		if !leaf && e.now != e.old {
			out = held
		}
		return true
	})
	return out
}

// leafBits says what is wrong with a leaf, "" for nothing: no-execute and global only
// where the processor has them, a large page only where the kernel may use it.
func (c *Checker) leafBits(g *model.Geometry, e edit) string {
	l := c.s.L
	switch pages := model.MFN(g.Span(e.level) / model.PageSize); {
	case e.now.Is(model.NX) && !c.s.CPU.NXE:
		return "no-execute is a reserved bit here"
	case e.now.Is(model.Global) && !l.Kernel.HasPGE && (l.Hyper == nil || !g.SignExtend):
		return "the processor has no global pages" // a 64-bit hypervisor makes user pages global
	case c.reserved(g, e.now):
		return "a reserved bit is set"
	case e.level == 1:
		return ""
	case l.Hyper != nil || !l.Kernel.HasPSE:
		return "the kernel must not use large pages here"
	case e.now.MFN()%pages > 1:
		return "the large page is not aligned"
	}
	return ""
}

// pointerBits judges a pointer to a table: which flags it must have, among those that
// matter.
func (c *Checker) pointerBits(g *model.Geometry, e edit) (want, care model.Entry, ok bool) {
	const free = model.User | model.Accessed | model.Dirty | model.Avail | model.AvailHigh
	want, care = model.Present|model.RW, model.FlagMask&^free
	if g.PAERoot && e.level == g.Levels {
		want = model.Present
		switch {
		case c.s.L.Hyper == nil || !c.s.L.Hyper.Profile.Modern:
			// The processor loads these entries itself: their other flags are reserved.
			care = model.FlagMask &^ model.Avail
		default:
			care &^= model.RW // Xen adds it
		}
	}
	if c.reserved(g, e.now) {
		care |= model.AvailHigh
	}
	return want, care, (e.now^want)&care == 0
}

func tellPointer(v *Violation) string {
	if v.has&partWant != 0 {
		return fmt.Sprintf("%s, %s: %s", v.entry(), v.why, v.amiss())
	}
	return fmt.Sprintf("%s: %s", v.entry(), v.why)
}

// reserved reports whether an entry has frame bits set that a 32-bit processor
// reserves.
func (c *Checker) reserved(g *model.Geometry, e model.Entry) bool {
	return g.Width == 8 && !g.SignExtend && c.s.L.Hyper == nil && e&model.AvailHigh != 0
}
