package invariants

import "github.com/ptcheck/ptcheck/model"

func tablesReadOnly() Rule {
	return Rule{
		ID:      "tables-read-only",
		Says:    "No writable mapping of a table page exists.",
		Applies: "at every step where a hypervisor owns the tables; native tables are writable and that is fine; in every state of a hostile guest",
		Source:  "Xen, comment at the head of arch/x86/mm.c; Linux, arch/i386/xen/mmu.c (3b827c1b)",
		Limits:  "a leaf counts as writable by its own R/W bit, whatever the levels above say; devices and other domains are the business of no-stale-write; memory alone does not show whether an entry names a table of the level below or one of its own",
		Goal:    "a step changes a table, a root or a pin; of a hostile guest: a table in use is mapped, read-only",
		Hyper:   true,
		check:   checkTablesReadOnly,
		state:   stateReadOnly,
	}
}

func checkTablesReadOnly(c *Checker, st *model.Step) result {
	if c.s.L.Hyper == nil {
		return silent
	}
	if c.view.bad > 0 {
		return c.fail(c.writableTable())
	}
	for n := range c.s.Processors() {
		for t := range c.s.TLBOf(n).Each {
			if t.Writable && t.Frame >= 0 && c.view.isTable(t.Frame) {
				return c.fail(Detail{Frame: t.Frame, VA: t.Page})
			}
		}
	}
	switch st.Op {
	case model.OpCallBegin, model.OpCallEnd, model.OpBootmem, model.OpFlush, model.OpInvlpg:
		return silent
	}
	return held
}

// writableTable finds the lowest frame that is a table and mapped writable, and
// the first entry that maps it so.
func (c *Checker) writableTable() Detail {
	for f := range c.view.uses {
		frame := model.Frame(f)
		if c.view.writable[f] == 0 || !c.view.isTable(frame) {
			continue
		}
		d := Detail{Frame: frame}
		c.findWritable(&d)
		return d
	}
	return Detail{Frame: model.NoFrame}
}

func (c *Checker) findWritable(d *Detail) {
	g := c.s.L.Geo
	for t := range c.view.uses {
		for level := 1; level <= 2; level++ {
			if c.view.uses[t][level] == 0 {
				continue
			}
			for i := range g.Slots[level] {
				e := c.s.Entry(g, model.Frame(t), i)
				if e.Is(model.Present|model.RW) && (level == 1 || largeLeaf(c.s, g, 2, e)) && c.maps(e, level, d.Frame) {
					d.Table, d.Slot, d.Got = model.Frame(t), i, uint64(e)
					return
				}
			}
		}
	}
}

// maps reports whether a leaf entry maps a frame.
func (c *Checker) maps(e model.Entry, level int, f model.Frame) bool {
	pages := model.MFN(c.s.L.Geo.Span(level) / model.PageSize)
	return c.s.L.Map.MFN(f)/pages == e.MFN()/pages
}
