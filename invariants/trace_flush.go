package invariants

import "github.com/ptcheck/ptcheck/model"

// staleEntry is a change of an entry in use that processors may still hold as it was.
type staleEntry struct {
	key      staleKey
	frame    model.Frame // the table
	slot     int
	old, now model.Entry
	why      staleWhy
	leaf     bool // the old entry mapped a page
	empty    bool // the table that it led to mapped nothing
	left     int  // processors that have not flushed it
	since    uint64
	event    TraceEvent // the store
}

// staleKey is what an entry maps: the lowest address, and its level.
type staleKey struct {
	va    model.VA
	level int
}

// staleWhy says what a change took away.
type staleWhy uint8

const (
	notStale  staleWhy = iota
	isGone             // nothing is mapped any more
	isMoved            // it leads elsewhere
	hasLess            // it grants less
	isResized          // a table has become a large page, or the other way round
)

// staleSet are the changes that processors have not flushed.
type staleSet struct {
	clock uint64 // stores so far
	cpus  []staleCPU
	// pages finds, by frame, an entry that is gone or led elsewhere and named it.
	pages map[model.MFN]*staleEntry
	// queue are all changes in the order of their stores.
	queue []*staleEntry
}

// staleCPU are those of a processor.
type staleCPU struct{ global, other map[staleKey]*staleEntry }

func (s *staleSet) reset() { *s = staleSet{clock: s.clock, pages: map[model.MFN]*staleEntry{}} }

func (s *staleSet) cpu(n int) *staleCPU {
	for len(s.cpus) <= n {
		s.cpus = append(s.cpus, staleCPU{map[staleKey]*staleEntry{}, map[staleKey]*staleEntry{}})
	}
	return &s.cpus[n]
}

// rights are what an entry grants, apart from executing.
const rights = model.RW | model.User

// lost says what a change of an entry of a level took away from whoever has the old one
// cached. A processor caches nothing of an entry that it has not marked as accessed.
func (t *Trace) lost(level int, old, now model.Entry) staleWhy {
	if !old.Is(model.Present | model.Accessed) {
		return notStale
	}
	return t.less(level, old, now)
}

func (t *Trace) less(level int, old, now model.Entry) staleWhy {
	wasLeaf, isLeaf := t.isLeaf(level, old), t.isLeaf(level, now)
	switch {
	case !now.Is(model.Present):
		return isGone
	case wasLeaf != isLeaf:
		return isResized
	case t.s.L.Names(old) != t.s.L.Names(now):
		return isMoved
	case old&^now&rights != 0 || now&^old&model.NX != 0:
		return hasLess
	}
	return notStale
}

// cr0PG is paging: a processor with paging off has nothing cached, and has flushed everything
// when it turns it on.
const cr0PG = 1 << 31

// noteStale takes in a store: it remembers a change that needs a flush, and forgets one that
// the store has undone.
func (t *Trace) noteStale(tb *tracedTable, e *TraceEvent) {
	if e.Old == e.New {
		return
	}
	va, ok := t.address(tb, e.Slot)
	if !ok {
		return
	}
	key := staleKey{va, tb.level}
	if s := t.anyStale(key); s != nil {
		if t.less(tb.level, s.old, e.New) == notStale {
			t.forget(s)
		}
		return // what it was at first is what counts
	}
	why := t.lost(tb.level, e.Old, e.New)
	if why == notStale {
		return
	}
	s := &staleEntry{key: key, frame: tb.frame, slot: e.Slot, old: e.Old, now: e.New, why: why, leaf: t.isLeaf(tb.level, e.Old), since: t.stale.clock, event: *e}
	s.empty = !s.leaf && t.mapsNothing(tb, e.Old)
	on := t.on(tb, e.Slot)
	for n := range t.cpus {
		if on>>uint(n&63)&1 != 0 && t.cpus[n].cr0&cr0PG != 0 {
			s.left++
			c := t.stale.cpu(n)
			if s.leaf && e.Old.Is(model.Global) {
				c.global[key] = s
			} else {
				c.other[key] = s
			}
		}
	}
	if s.left == 0 {
		return
	}
	t.stale.queue = append(t.stale.queue, s)
	// Pages that the kernel itself had mapped may be free before the flush: it uses those
	// addresses no more, and flushes them before it uses them again (vunmap).
	if (why == isGone || why == isMoved) && (!s.leaf || t.user(va)) {
		t.stale.pages[t.s.L.Names(e.Old)] = s
	}
}

// mapsNothing reports whether the table that an entry leads to has no present entries.
func (t *Trace) mapsNothing(tb *tracedTable, e model.Entry) bool {
	c := t.child(tb, e)
	if c == nil {
		return false
	}
	none := true
	t.eachEntry(c, func(_ int, e model.Entry) { none = none && !e.Is(model.Present) })
	return none
}

// anyStale is the change of what is mapped at a place that some processor has not flushed.
func (t *Trace) anyStale(k staleKey) *staleEntry {
	for i := range t.stale.cpus {
		c := &t.stale.cpus[i]
		if s := c.other[k]; s != nil {
			return s
		}
		if s := c.global[k]; s != nil {
			return s
		}
	}
	return nil
}

// forget drops a change on all processors.
func (t *Trace) forget(s *staleEntry) {
	for i := range t.stale.cpus {
		c := &t.stale.cpus[i]
		for _, m := range []map[staleKey]*staleEntry{c.global, c.other} {
			if m[s.key] == s {
				delete(m, s.key)
			}
		}
	}
	s.left = 0
	t.stale.done(t, s)
}

// done is called when a processor has flushed a change.
func (s *staleSet) done(t *Trace, e *staleEntry) {
	if e.left > 0 {
		return
	}
	if n := t.s.L.Names(e.old); s.pages[n] == e {
		delete(s.pages, n)
	}
}

// flushedBy drops what an event flushes on its processor. was are the registers before it.
func (t *Trace) flushedBy(e *TraceEvent, was *traceCPU) {
	all, globals := e.All, e.Globals
	if e.Op == TraceLoad {
		const pge = uint64(model.CR4PGE)
		switch {
		case was.cr4&pge != e.CR4&pge, e.Reg == 0 && was.cr0 != e.CR0:
			all, globals = true, true
		case e.Reg == 3:
			all, globals = true, e.CR4&pge == 0
		default:
			return
		}
	}
	c := t.stale.cpu(e.CPU)
	if !all {
		t.flushedPage(c, e.CPU, e.VA)
		return
	}
	t.flushedAll(c.other)
	if globals {
		t.flushedAll(c.global)
	}
}

func (t *Trace) flushedAll(m map[staleKey]*staleEntry) {
	for k, s := range m {
		delete(m, k)
		s.left--
		t.stale.done(t, s)
	}
}

// flushedPage drops what the flush of a page covers: its entry, by whichever address the
// trace knows it, and tables that mapped nothing.
func (t *Trace) flushedPage(c *staleCPU, n int, va model.VA) {
	drop := func(k staleKey) {
		for _, m := range []map[staleKey]*staleEntry{c.global, c.other} {
			if s := m[k]; s != nil && (s.leaf || s.empty) {
				delete(m, k)
				s.left--
				t.stale.done(t, s)
			}
		}
	}
	for level := 1; level <= min(3, t.levels); level++ {
		drop(staleKey{va &^ (t.span(level) - 1), level})
	}
	if n >= len(t.cpus) {
		return
	}
	tb := t.tables[t.cpus[n].root]
	for tb != nil {
		slot := t.index(tb, va, t.cpus[n].cr3)
		if at, ok := t.address(tb, slot); ok {
			drop(staleKey{at, tb.level})
		}
		tb = t.child(tb, t.entry(tb.frame, slot))
	}
}

// index is the slot of a table that an address selects; cr3 says where a PAE root begins.
func (t *Trace) index(tb *tracedTable, va model.VA, cr3 uint64) int {
	if tb.level == 3 && t.levels == 3 {
		return int(cr3&(model.PageSize-1))/8 + int(va>>30&3)
	}
	return int(va>>t.shift(tb.level)) & (t.slots() - 1)
}
