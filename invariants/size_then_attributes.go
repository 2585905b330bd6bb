package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func sizeThenAttributes() Rule {
	return Rule{
		ID:      "size-then-attributes",
		Says:    "A page in use changes its size or its attributes in one step, not both.",
		Applies: "to 32-bit kernels on bare metal, at each step that turns a table of live leaves into a large page",
		Source:  "Linux ad5ca55f6bdb; Intel SDM vol. 3, 4.10.2.3: a processor may use either translation until it is flushed, so both must agree",
		Limits:  "only the first leaf of the table is compared, and accessed and dirty bits are not; that a flush comes before the attributes change is not looked at",
		Goal:    "a table of leaves becomes a large page",
		Machine: BareMetal,
		Kernel:  LaterKernel,
		Kmap:    true,
		Tell:    tellSize,
		check:   checkSize,
		heeds:   overwritten,
		trace: &traceRule{
			applies: "to each store that replaces a table by a large page, and to the first one after it that changes that page's rights",
			limits:  "accessed, dirty and global bits are not looked at; entries of the table that were not present say nothing",
			ops:     []TraceOp{TraceStore},
			check:   traceSize,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpStore},
	}
}

func checkSize(c *Checker, _ *model.Step) result {
	g := c.s.Active()
	out := silent
	for _, e := range c.changed(g) {
		if e.old&(model.Present|model.PSE) != model.Present || !e.now.Is(model.Present|model.PSE) || rootOf(c.s, g, c.s.CPU.CR3).levelBelow(e.table) != 2 {
			continue
		}
		out = held
		const care = model.RW | model.User | model.Global | model.NX | model.PWT | model.PCD
		leaf := c.s.Entry(g, c.s.L.Map.Frame(c.s.L.Names(e.old)), 0)
		if leaf.Is(model.Present) && (leaf^e.now)&care != 0 {
			return c.fail(atEntry(e.table, e.slot, e.now).WithWant(leaf, care))
		}
	}
	return out
}

func tellSize(v *Violation) string {
	if v.why != "" || v.has&partWas != 0 {
		return v.parts()
	}
	return fmt.Sprintf("%s, a large page; the first leaf of the table that it replaces is %s: %s", v.entry(), v.EntryText(v.want), v.amiss())
}

// sizeCare are the bits on which a large page and the pages that it takes the place of
// agree.
const sizeCare = model.RW | model.User | model.NX | model.PWT | model.PCD

// traceSize judges a store of a trace.
func traceSize(t *Trace, e *TraceEvent) (Detail, result) {
	if e.Level < 2 || !e.Old.Is(model.Present) || !e.New.Is(model.Present) || !t.isLeaf(e.Level, e.New) {
		return Detail{}, silent
	}
	if t.isLeaf(e.Level, e.Old) {
		return t.sizeSettled(e)
	}
	c := t.tables[t.s.L.Map.Frame(t.s.L.Names(e.Old))]
	if c == nil {
		return Detail{}, silent
	}
	d, ok := t.agrees(c, e.New, e.Level, false)
	if !ok {
		return d, broken
	}
	return Detail{}, held
}

// sizeSettled judges a change of a large page: one of its rights comes after the flush of
// the change of its size.
func (t *Trace) sizeSettled(e *TraceEvent) (Detail, result) {
	tb := t.tables[e.Frame]
	va, ok := t.address(tb, e.Slot)
	s := t.anyStale(staleKey{va, e.Level})
	switch {
	case !ok || s == nil || s.why != isResized || (e.Old^e.New)&sizeCare == 0:
		return Detail{}, silent
	}
	return atEntry(e.Frame, e.Slot, e.New).WithWas(e.Old).Because("its size changed as well, and no flush came in between"), broken
}

// agrees reports whether the leaves of a table map what a large page of the level above
// maps, with the same rights. all says that no leaf may be missing.
func (t *Trace) agrees(c *tracedTable, large model.Entry, level int, all bool) (d Detail, ok bool) {
	step, base := t.pages(level-1), t.s.L.Names(large)&^(t.pages(level)-1)
	for slot := range t.slots() {
		leaf := t.entry(c.frame, slot)
		if !leaf.Is(model.Present) {
			if all {
				return atEntry(c.frame, slot, leaf).WithWas(large), false
			}
			continue
		}
		if !t.isLeaf(c.level, leaf) {
			continue // its own table says more
		}
		want := model.MakeEntry(base+model.MFN(slot)*step, large.Flags())
		if t.s.L.Names(leaf)&^(step-1) != t.s.L.Names(want) || (leaf^want)&sizeCare != 0 {
			return atEntry(c.frame, slot, leaf).WithWant(want, sizeCare|model.FrameMask), false
		}
	}
	return Detail{}, true
}
