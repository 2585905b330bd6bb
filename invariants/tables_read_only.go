package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func tablesReadOnly() Rule {
	return Rule{
		ID:      "tables-read-only",
		Says:    "No writable mapping of a table page exists.",
		Applies: "at every step where a hypervisor owns the tables; native tables are writable and that is fine; in every state of a hostile guest",
		Source:  "Xen, comment at the head of arch/x86/mm.c; Linux, arch/i386/xen/mmu.c (3b827c1b)",
		Limits:  "a leaf counts as writable by its own R/W bit, whatever the levels above say; devices and other domains are the business of no-stale-write; memory alone does not show whether an entry names a table of the level below or one of its own",
		Goal:    "a step changes a table, a root or a pin; of a hostile guest: a table in use is mapped, read-only",
		Machine: UnderHypervisor,
		Tell:    tellWritable,
		check:   checkTablesReadOnly,
		guest: guest{
			state: stateReadOnly,
			metBy: (*Recount).mapsTable,
			needs: []Means{ReadOnlyEntries | MapsPages, ReadOnlyMemory | Pins},
		},
	}
}

func checkTablesReadOnly(c *Checker, st *model.Step) result {
	if c.view.bad > 0 {
		return c.fail(c.writableTable())
	}
	if !c.cachedReadOnly() {
		return broken
	}
	switch st.Op {
	case model.OpCallBegin, model.OpCallEnd, model.OpBootmem, model.OpFlush, model.OpInvlpg:
		return silent
	}
	return held
}

// writeSweep is what the rule has looked at of the TLB of a large machine: all that it held, so
// that what has come since is left, as long as no frame becomes a table.
type writeSweep struct {
	looked bool
	fills  uint64
	turns  int // of the view
}

// cachedReadOnly looks for a writable translation that a processor has cached of a table.
func (c *Checker) cachedReadOnly() bool {
	w, tlb := &c.sweeps.write, &c.s.TLB
	good := true
	if c.large && c.s.Processors() == 1 && w.looked && w.turns == c.view.turns {
		all := tlb.Since(w.fills, func(t model.Cached) bool { good = !c.writesTable(t); return good })
		if w.looked = good && !all; w.looked {
			w.fills = tlb.Fills()
			return true
		}
	}
	for n := range c.s.Processors() {
		for t := range c.s.TLBOf(n).Each {
			if c.writesTable(t) {
				w.looked = false
				c.fail(cached(c.s, n, t))
				return false
			}
		}
	}
	*w = writeSweep{c.large, tlb.Fills(), c.view.turns}
	return true
}

// writesTable reports whether a cached translation grants writing to a table.
func (c *Checker) writesTable(t model.Cached) bool {
	c.pages++
	return t.Writable && t.Frame >= 0 && c.view.isTable(t.Frame)
}

// writableTable finds the lowest frame that is a table and mapped writable, and
// the first entry that maps it so.
func (c *Checker) writableTable() Detail {
	for f := range c.view.uses {
		frame := model.Frame(f)
		if c.view.writable[f] == 0 || !c.view.isTable(frame) {
			continue
		}
		return c.withWritable(about(frame))
	}
	return about(model.NoFrame)
}

// withWritable adds to a detail about a frame the first entry in use that maps it
// writable, if there is one.
func (c *Checker) withWritable(d Detail) Detail {
	for f := range c.view.uses {
		for level := 1; level <= 2; level++ {
			if c.view.uses[f][level] == 0 {
				continue
			}
			t := tableOf(c.s, c.s.L.Geo, model.Frame(f), level)
			for slot, e := range t.entries {
				if e.Is(model.Present|model.RW) && t.maps(e, d.frame) {
					return d.WithEntry(t.frame, slot, e)
				}
			}
		}
	}
	return d
}

// stateReadOnly looks at every leaf of a table in use.
func stateReadOnly(r *Recount) (Detail, bool) {
	g := r.s.L.Geo
	for _, f := range r.look {
		level := r.table(f).Level()
		if level == 0 || level > 2 {
			continue
		}
		var d Detail
		pages := model.MFN(g.Span(level) / model.PageSize)
		ok := r.children(f, level, func(slot int, e model.Entry, _ model.Frame) bool {
			if e&model.RW == 0 || level == 2 && !largeLeaf(r.s, g, 2, e) {
				return true
			}
			for p := range pages {
				to := r.s.L.Map.Frame(e.MFN()/pages*pages + p)
				if to >= 0 && r.table(to) != model.TypeNone {
					d = atEntry(f, slot, e).WithFrame(to)
					return false
				}
			}
			return true
		})
		if !ok {
			return d, false
		}
	}
	return Detail{}, true
}

// mapsTable reports whether a leaf maps a table in use.
func (r *Recount) mapsTable() bool {
	for _, f := range r.look {
		if r.table(f) == model.TypeL1 && !r.children(f, 1, func(_ int, _ model.Entry, child model.Frame) bool {
			return child < 0 || r.table(child) == model.TypeNone
		}) {
			return true
		}
	}
	return false
}

func tellWritable(v *Violation) string {
	if v.has&partEntry == 0 {
		return tellCached(v)
	}
	return fmt.Sprintf("%s, writable%s; %s is in use as %v", v.entry(), v.there(), v.name(v.frame), v.uses(v.frame).Table)
}
