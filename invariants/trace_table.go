package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// tracedTable is a frame that a trace knows as a table. What it holds is in the state.
type tracedTable struct {
	frame model.Frame
	level int
	root  bool
	// parts are the slots that count, by bit, of a PAE root, of which a frame may hold
	// several; nil: all do.
	parts []uint64
	// parents are the entries that name it as a table of its level.
	parents []parentEntry
	// counted says that its leaves are among those that the trace keeps account of.
	counted bool
	stamp   uint32 // of the last search that met it
}

// parentEntry is an entry that names a table.
type parentEntry struct {
	table *tracedTable
	slot  int
}

// Adopt says that a frame is in use as a table; its words are in the state. Of a PAE root
// the slots from first on count, otherwise all. A table that is known already stays.
func (t *Trace) Adopt(f model.Frame, level int, root bool, first int) {
	tb := t.tables[f]
	if tb == nil {
		tb = &tracedTable{frame: f, level: level}
		t.tables[f] = tb
		t.fresh = append(t.fresh, tb)
	}
	tb.root = tb.root || root
	if level == 3 && t.levels == 3 {
		if tb.parts == nil {
			tb.parts = make([]uint64, paeSlots/64)
		}
		for i := first; i < min(first+4, paeSlots); i++ {
			tb.parts[i/64] |= 1 << (i % 64)
		}
	}
}

// paeSlots is the number of eight-byte entries in a frame.
const paeSlots = model.PageSize / 8

// follow follows the entries of tables that have come into use, and returns those tables.
func (t *Trace) follow() (came []*tracedTable) {
	came, t.fresh = t.fresh, nil
	for _, tb := range came {
		t.eachEntry(tb, func(slot int, e model.Entry) {
			if c := t.child(tb, e); c != nil {
				c.parents = append(c.parents, parentEntry{tb, slot})
			}
		})
	}
	return came
}

// adopted has the rules look at tables that an event has brought into use.
func (t *Trace) adopted(came []*tracedTable, by *TraceEvent) {
	for _, tb := range came {
		if !t.alive(tb) {
			continue
		}
		tb.counted = true
		e := *by
		e.Op, e.Frame, e.Level, e.Old, e.New = TraceAdopt, tb.frame, tb.level, 0, 0
		t.eachEntry(tb, func(slot int, now model.Entry) { t.leafChanged(tb, &e, slot, 0, now) })
		t.judge(&e)
	}
}

// settle takes in the tables that an event has brought into use.
func (t *Trace) settle(by *TraceEvent) { t.adopted(t.follow(), by) }

// Release says that nothing refers to a frame as a table any more.
func (t *Trace) Release(e *TraceEvent) {
	t.settle(e)
	tb := t.tables[e.Frame]
	if tb == nil {
		return
	}
	t.judge(e)
	t.forgetTable(tb, e)
}

// forgetTable forgets a table and what it led to.
func (t *Trace) forgetTable(tb *tracedTable, e *TraceEvent) {
	t.eachEntry(tb, func(slot int, old model.Entry) {
		if tb.counted {
			t.leafChanged(tb, e, slot, old, 0)
		}
		t.unlink(tb, slot, old)
	})
	t.shared.gone(tb.frame)
	delete(t.tables, tb.frame)
}

// Relevel says that a table is referred to as one of another level. If nothing leads to it as
// what it was, it is one of that level from now on.
func (t *Trace) Relevel(f model.Frame, level int) {
	old := t.tables[f]
	if old == nil || old.level == level || level > t.levels || t.alive(old) {
		return
	}
	t.forgetTable(old, &TraceEvent{Op: TraceRelease, Frame: f, Level: old.level})
	t.Adopt(f, level, false, 0)
}

// Unroot says that a frame is no root any more; it may still be a table.
func (t *Trace) Unroot(f model.Frame) {
	if tb := t.tables[f]; tb != nil {
		tb.root = false
	}
}

// slots is the number of entries of a frame.
func (t *Trace) slots() int { return model.PageSize / t.width }

// counts reports whether a slot of the table belongs to it.
func (tb *tracedTable) counts(slot int) bool {
	return tb.parts == nil || tb.parts[slot/64]>>(slot%64)&1 != 0
}

// entry is slot i of a frame.
func (t *Trace) entry(f model.Frame, slot int) model.Entry {
	if t.width == 8 {
		return model.Entry(t.s.Word(f, slot))
	}
	return model.Entry(uint32(t.s.Word(f, slot/2) >> (32 * (slot & 1))))
}

// eachEntry visits the entries of a table that are not zero.
func (t *Trace) eachEntry(tb *tracedTable, visit func(slot int, e model.Entry)) {
	words := t.s.Words(tb.frame)
	per := 8 / t.width
	for i, w := range words {
		if w == 0 {
			continue
		}
		for k := range per {
			slot := i*per + k
			if e := t.entry(tb.frame, slot); e != 0 && tb.counts(slot) {
				visit(slot, e)
			}
		}
	}
}

// isLeaf reports whether a present entry of a level maps a page.
func (t *Trace) isLeaf(level int, e model.Entry) bool {
	switch {
	case level == 1:
		return true
	case e&model.PSE == 0:
		return false
	case t.levels == 3:
		return level == 2
	}
	return level <= 3 && t.levels > 2 || level == 2 && t.pse()
}

// pse reports whether two-level tables have large pages: CR4.PSE, on any processor.
func (t *Trace) pse() bool {
	return slices.ContainsFunc(t.cpus, func(c traceCPU) bool { return c.cr4&uint64(model.CR4PSE) != 0 })
}

// points reports whether an entry of a level leads to a table.
func (t *Trace) points(level int, e model.Entry) bool {
	return e.Is(model.Present) && level > 1 && !t.isLeaf(level, e)
}

// child is the table that an entry leads to, nil if none or one that is not known.
func (t *Trace) child(tb *tracedTable, e model.Entry) *tracedTable {
	if !t.points(tb.level, e) {
		return nil
	}
	c := t.tables[t.s.L.Map.Frame(t.s.L.Names(e))]
	if c == nil || c.level != tb.level-1 {
		return nil
	}
	return c
}

// relink follows a changed entry.
func (t *Trace) relink(tb *tracedTable, e *TraceEvent) {
	if tb.level == 1 {
		return
	}
	t.unlink(tb, e.Slot, e.Old)
	if c := t.child(tb, e.New); c != nil {
		c.parents = append(c.parents, parentEntry{tb, e.Slot})
	}
}

// unlink forgets that an entry leads to a table.
func (t *Trace) unlink(tb *tracedTable, slot int, old model.Entry) {
	c := t.child(tb, old)
	if c == nil {
		return
	}
	if i := slices.Index(c.parents, parentEntry{tb, slot}); i >= 0 {
		c.parents = slices.Delete(c.parents, i, i+1)
	}
}

// shift is the lowest address bit of the index of a level.
func (t *Trace) shift(level int) uint {
	bits := uint(9)
	if t.width == 4 {
		bits = 10
	}
	return model.PageShift + bits*uint(level-1)
}

// span is the number of bytes that an entry of a level maps.
func (t *Trace) span(level int) model.VA { return 1 << t.shift(level) }

// pages is the number of frames that a leaf of a level maps.
func (t *Trace) pages(level int) model.MFN { return model.MFN(t.span(level) >> model.PageShift) }

// address is the lowest address that an entry maps: the first, if the table is reached in
// several ways. ok is false if it is not reached.
func (t *Trace) address(tb *tracedTable, slot int) (va model.VA, ok bool) {
	for {
		if tb.level == t.levels {
			if t.levels == 3 {
				slot &= 3
			}
			return t.canonical(va | model.VA(slot)<<t.shift(tb.level)), true
		}
		va |= model.VA(slot) << t.shift(tb.level)
		if len(tb.parents) == 0 {
			return va, false
		}
		tb, slot = tb.parents[0].table, tb.parents[0].slot
	}
}

// canonical extends the sign of an address.
func (t *Trace) canonical(va model.VA) model.VA {
	if t.levels <= 3 {
		return va
	}
	n := 64 - (t.shift(t.levels) + 9)
	return model.VA(int64(va<<n) >> n)
}

// user reports whether an address belongs to user mode: natively the lower half, on 32
// bits what lies below the direct map.
func (t *Trace) user(va model.VA) bool {
	if t.levels <= 3 {
		return va < t.userEnd()
	}
	return va>>63 == 0
}

// on is the set of processors, by bit, whose root leads to an entry of a table.
func (t *Trace) on(tb *tracedTable, slot int) (set uint64) {
	t.stamp++
	var climb func(tb *tracedTable, slot int)
	climb = func(tb *tracedTable, slot int) {
		if tb.level == t.levels {
			set |= t.loadedOn(tb, slot)
			return
		}
		if tb.stamp == t.stamp {
			return
		}
		tb.stamp = t.stamp
		for _, p := range tb.parents {
			climb(p.table, p.slot)
		}
	}
	climb(tb, slot)
	return set
}

// loadedOn is the set of processors, by bit, that have loaded the root that an entry of it
// belongs to.
func (t *Trace) loadedOn(root *tracedTable, slot int) (set uint64) {
	for i := range t.cpus {
		if c := &t.cpus[i]; c.root == root.frame && (!t.isPAERoot(root) || rootSlot(c.cr3) == slot&^(rootSlots-1)) {
			set |= 1 << uint(i&63)
		}
	}
	return set
}

// PathHop is an entry on the way from a root.
type PathHop struct {
	Table model.Frame
	Level int
	Slot  int
	Entry model.Entry
}

// Path leads from a root to an entry of a table, which is its last hop: by the first entry
// that named each table. It begins below the root where nothing names a table any more.
func (t *Trace) Path(table model.Frame, slot int) []PathHop {
	tb := t.tables[table]
	if tb == nil {
		return nil
	}
	out := []PathHop{{table, tb.level, slot, t.entry(table, slot)}}
	for tb.level < t.levels && len(tb.parents) > 0 {
		p := tb.parents[0]
		out = append(out, PathHop{p.table.frame, p.table.level, p.slot, t.entry(p.table.frame, p.slot)})
		tb = p.table
	}
	slices.Reverse(out)
	return out
}

// Level is the level of a table, 0 if the frame is none.
func (t *Trace) Level(f model.Frame) int {
	if tb := t.tables[f]; tb != nil {
		return tb.level
	}
	return 0
}

// Maps reports whether an entry of a table of a level, if it is present, maps a page.
func (t *Trace) Maps(level int, e model.Entry) bool { return t.isLeaf(level, e) }

// Loaded reports whether a processor has a frame as its root.
func (t *Trace) Loaded(f model.Frame) bool {
	return slices.ContainsFunc(t.cpus, func(c traceCPU) bool { return c.root == f })
}
