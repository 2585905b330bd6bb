package invariants

import "github.com/ptcheck/ptcheck/model"

// PAE roots have 32 bytes, and the kernel has them from its allocator of small objects: when
// a process ends, its root becomes something else, and nothing in a record says so. A
// processor reads the four entries when it loads the root and no sooner, so a root that is
// not loaded and is stored to as no root would be is taken for one that is gone, until it is
// loaded again.

// rootSlots is the number of entries of a PAE root.
const rootSlots = 4

// isPAERoot reports whether a table holds PAE roots.
func (t *Trace) isPAERoot(tb *tracedTable) bool { return t.levels == 3 && tb.level == 3 }

// reused reports whether a store shows that the memory of a PAE root is something else now:
// the last entry, which is the kernel's, goes or leads elsewhere, or gets bits that are
// reserved.
func (t *Trace) reused(tb *tracedTable, e *TraceEvent) bool {
	if !t.isPAERoot(tb) || !tb.counts(e.Slot) {
		return false
	}
	if t.loadedOn(tb, e.Slot) != 0 {
		return false
	}
	kernels := e.Slot%rootSlots == rootSlots-1
	gone := e.Old.Is(model.Present) && (!e.New.Is(model.Present) || t.s.L.Names(e.Old) != t.s.L.Names(e.New))
	return kernels && gone || e.New&(model.RW|model.User|model.NX|rootReserved) != 0
}

// rootSlot is the first slot of the PAE root that CR3 names.
func rootSlot(cr3 uint64) int { return int(cr3&(model.PageSize-1)) / 8 &^ (rootSlots - 1) }

// bury has the PAE root that a store belongs to count no longer. The entries are as they were
// before the store.
func (t *Trace) bury(tb *tracedTable, e *TraceEvent) {
	first := e.Slot &^ (rootSlots - 1)
	for slot := first; slot < first+rootSlots; slot++ {
		old := t.entry(tb.frame, slot)
		if slot == e.Slot {
			old = e.Old
		}
		t.unlink(tb, slot, old)
		tb.parts[slot/64] &^= 1 << (slot % 64)
	}
}

// revive has the PAE root count that is about to be loaded.
func (t *Trace) revive(cr3 uint64) {
	tb := t.tables[t.rootFrame(cr3)]
	if tb == nil || !t.isPAERoot(tb) || tb.counts(rootSlot(cr3)) {
		return
	}
	first := rootSlot(cr3)
	for slot := first; slot < first+rootSlots; slot++ {
		tb.parts[slot/64] |= 1 << (slot % 64)
		if c := t.child(tb, t.entry(tb.frame, slot)); c != nil {
			c.parents = append(c.parents, parentEntry{tb, slot})
			t.recount(c)
		}
	}
}

// recount takes the leaves of a table into account, and of those below it, that were out of
// use when the trace heard of them.
func (t *Trace) recount(tb *tracedTable) {
	if tb.counted {
		return
	}
	tb.counted = true
	e := TraceEvent{Op: TraceAdopt, Frame: tb.frame, Level: tb.level}
	t.eachEntry(tb, func(slot int, now model.Entry) {
		t.leafChanged(tb, &e, slot, 0, now)
		if c := t.child(tb, now); c != nil {
			t.recount(c)
		}
	})
}

// alive reports whether a root leads to a table, or it is one itself.
func (t *Trace) alive(tb *tracedTable) bool {
	for tb.level < t.levels {
		if len(tb.parents) == 0 {
			return tb.root
		}
		tb = tb.parents[0].table
	}
	return tb.root
}
