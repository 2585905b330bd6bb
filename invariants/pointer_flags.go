package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func pointerFlags() Rule {
	return Rule{
		ID:      "pointer-flags",
		Says:    "Pointers to tables carry nothing that has an effect but write permission and no-execute; those over memory that is written through are writable, those over kernel text executable; no entry uses a bit that the processor's mode reserves.",
		Applies: "to the entries of tables in use that a step changes or brings into use; hypervisors add flags of their own, which are allowed; elsewhere pointers may be read-only and no-execute (espfix, later direct maps)",
		Source:  "Linux b239fb25, _PAGE_TABLE and one_md_table_init; Intel SDM vol. 3, 4.4.1 (PAE root entries), 4.5 and table 4-6; Xen, adjust_guest_l2e to adjust_guest_l4e; Linux 3891a04aafd6 (espfix)",
		Limits:  "user, accessed and dirty bits of pointers are free, and so are the software bits where they are not reserved; of leaves only reserved bits and sizes are judged",
		Goal:    "a pointer to a table is written or comes into use",
		Tell:    tellPointer,
		check:   checkPointers,
		heeds:   newEntries | newTables,
		ops:     entryOps,
	}
}

// entryOps are the steps that can change an entry of a table in use, or which
// tables are.
var entryOps = append(model.Storing(), model.OpLoadCR3, model.OpSetCR4, model.OpNewBaseptr, model.OpCallBegin, model.OpCallEnd)

func checkPointers(c *Checker, _ *model.Step) result {
	out := silent
	c.trees.eachNew(c.s, func(e *edit) bool {
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

// leafBits says what is wrong with a leaf, "" for nothing: no-execute only
// where it is switched on, a large page only where the mode has them. Processors ignore the
// global bit while CR4.PGE is off.
func (c *Checker) leafBits(g *model.Geometry, e *edit) string {
	l := c.s.L
	switch pages := model.MFN(g.Span(e.level) / model.PageSize); {
	case e.now.Is(model.NX) && !c.s.CPU.NXE:
		return "no-execute is a reserved bit here"
	case c.reserved(g, e.now):
		return "a reserved bit is set"
	case e.level == 1:
		return ""
	case l.Hyper != nil, g.Width == 4 && !l.Kernel.HasPSE: // SDM 4.1.4: wide entries need no CR4.PSE
		return "the kernel must not use large pages here"
	case l.Names(e.now)%pages > 1:
		return "the large page is not aligned"
	}
	return ""
}

// pointerBits judges a pointer to a table: which flags it must have, among those that
// matter.
func (c *Checker) pointerBits(g *model.Geometry, e *edit) (want, care model.Entry, ok bool) {
	const free = model.User | model.Accessed | model.Dirty | model.Avail | model.AvailHigh
	want, care = model.Present|model.RW, model.FlagMask&^(free|model.RW|model.NX)
	care |= c.needed(g, e)
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

// needed are the flags of a pointer that matter for what lies below it: memory that the
// kernel or its processes write to, and text.
func (c *Checker) needed(g *model.Geometry, e *edit) (care model.Entry) {
	if !c.s.CPU.NXE {
		care |= model.NX // reserved
	}
	k := &c.s.L.Kernel
	from := c.trees.of(e.trees).address(e.table, e.level, e.slot)
	to := from + g.Span(e.level) - 1
	if c.writtenThrough(from, to) {
		care |= model.RW
	}
	if to >= k.PageOffset && from <= k.TextEnd {
		care |= model.NX
	}
	return care
}

// writtenThrough reports whether the kernel or its processes write through addresses of
// a range: user space, low memory, the fixmap or the pkmap area.
func (c *Checker) writtenThrough(from, to model.VA) bool {
	l := c.s.L
	k := &l.Kernel
	fixmap := k.NrFixed > 1 && to >= l.Fix(k.NrFixed-1) && from <= l.Fix(1)
	pkmap := k.Highmem && to >= k.PkmapBase && from < k.PkmapBase+model.VA(k.LastPkmap)*model.PageSize
	user := from < k.PageOffset
	if l.Geo.SignExtend {
		user = from < 1<<(l.Geo.VABits()-1)
	}
	direct := to >= k.PageOffset && from < l.VA(k.MaxLowPFN.PA())
	return user || direct || fixmap || pkmap
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
