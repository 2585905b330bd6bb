package invariants

import "github.com/ptcheck/ptcheck/model"

func futureTables() Rule {
	return Rule{
		ID:      "future-tables-read-only",
		Says:    "A frame that the table allocator may still hand out has no writable mapping but one that the kernel can find when it needs the table: its own address in the direct map.",
		Applies: "under a hypervisor while tables are taken from a buffer: to its unused frames, and top-down to free frames of the mapped part; at each step that changes a mapping or a use as a table",
		Source:  "Linux a38647837a41 and 279b706bf8: frames of the buffer mapped writable by tables that are not linked yet cannot be made read-only when they become tables",
		Limits:  "mappings in tables that are neither linked nor pinned count only when the table comes into use",
		Goal:    "a mapping changes while the allocator has frames left",
		Machine: UnderHypervisor,
		Kernel:  LaterKernel,
		Tell:    tellFutureTables,
		check:   checkFutureTables,
		ops: []model.Op{model.OpStore, model.OpEmulate, model.OpMMUUpdate, model.OpUpdateVA, model.OpPin,
			model.OpUnpin, model.OpNewBaseptr},
	}
}

func checkFutureTables(c *Checker, st *model.Step) result {
	b := &c.s.Kernel.Buffer
	if !b.Open() {
		return silent
	}
	if c.large {
		return c.futureSince()
	}
	out := silent
	for pfn := range model.PFN(c.s.L.Map.Guest()) {
		if !c.future(pfn) {
			continue
		}
		out = held
		if !c.noSurprise(pfn) {
			return broken
		}
	}
	return out
}

// future reports whether a frame may still be handed out as a table.
func (c *Checker) future(pfn model.PFN) bool {
	b, e := &c.s.Kernel.Buffer, c.s.L.Early
	return pfn >= b.End && pfn < b.Top ||
		e.TopDown && pfn >= b.MinMapped && pfn < b.MaxMapped && e.IsRAM(pfn) && !b.Reserved.Has(pfn)
}

// noSurprise reports whether a frame has no writable mapping but that of the direct map.
func (c *Checker) noSurprise(pfn model.PFN) bool {
	n := c.view.writable[pfn]
	if n == 0 {
		return true
	}
	if m, ok := c.directMapped(pfn); n > 1 || !ok || m.leaf&model.RW == 0 {
		c.fail(c.withWritable(about(model.Frame(pfn))))
		return false
	}
	return true
}

func tellFutureTables(v *Violation) string {
	text := v.name(v.frame) + " may be handed out as a table, and is mapped writable"
	if v.has&partEntry != 0 {
		text += v.there() + ": " + v.entry()
	}
	return text
}
