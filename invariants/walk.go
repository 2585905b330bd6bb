package invariants

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
)

// mapping is where a virtual address leads, by the rules' own reading of raw
// memory.
type mapping struct {
	frame    model.Frame
	writable bool // by the R/W bits of all levels
	user     bool // by the U/S bits of all levels
	noExec   bool // by the NX bits of all levels
	leaf     model.Entry
	level    int
	table    model.Frame
	slot     int
	read     uint64 // the tables that it was read from, by bit
}

// resolve walks the tables under a root for an address, from the manuals alone:
// Intel SDM vol. 3, 4.3 to 4.5. It shares no code with the machine's MMU.
func resolve(s *model.State, g *model.Geometry, root model.Frame, va model.VA) (mapping, bool) {
	return resolveTo(s, g, root, va, 1)
}

// resolveTo is resolve for the levels down to the last one. Where that is above 1 and names a
// table, the mapping's level is that of the table, which has not been read.
func resolveTo(s *model.State, g *model.Geometry, root model.Frame, va model.VA, last int) (mapping, bool) {
	m := mapping{table: root, writable: true, user: true}
	above := model.VA(1) << g.VABits()
	for level := g.Levels; level >= last; level-- {
		if m.table < 0 {
			return m, false
		}
		m.read |= bit(m.table)
		span := g.Span(level) // a power of two, like the one above
		m.level, m.slot = level, int(va&(above-1)>>bits.TrailingZeros64(uint64(span)))
		above = span
		if m.slot >= g.Slots[level] {
			return m, false
		}
		e := s.Entry(g, m.table, m.slot)
		m.leaf = e
		if e&model.Present == 0 {
			return m, false
		}
		if g.GrantsRights(level) && e&model.RW == 0 {
			m.writable = false
		}
		if g.GrantsRights(level) && e&model.User == 0 {
			m.user = false
		}
		if g.GrantsRights(level) && e&model.NX != 0 {
			m.noExec = true
		}
		next := s.L.Names(e)
		if level == 1 || largeLeaf(s, g, level, e) {
			pages := model.MFN(span / model.PageSize)
			first, ok := leafBegins(next, pages)
			if !ok {
				return m, false
			}
			m.frame = s.L.Map.Frame(first + model.MFN(va/model.PageSize)&(pages-1))
			return m, true
		}
		m.table = s.L.Map.Frame(next)
	}
	m.level = last - 1
	return m, false
}

// walker resolves one address after the other under a root, as resolve does, and remembers the
// way of the last one down to the L1 table, or to where it ended before: who looks at many pages
// in a row, of memory that does not change meanwhile, walks the levels above once for each table.
type walker struct {
	s    *model.State
	g    *model.Geometry
	root model.Frame
	// way is the mapping as far as it is known for all addresses from base on that an entry
	// above L1 maps; valid says that there is one, ok whether it is a large page.
	way       mapping
	base      model.VA
	valid, ok bool
	m         mapping // the last one, which is handed out
}

// resolve is where an address leads; the next call overwrites it.
func (w *walker) resolve(va model.VA) (*mapping, bool) {
	span := w.g.Span(2)
	if base := va &^ (span - 1); !w.valid || base != w.base {
		w.way, w.ok = resolveTo(w.s, w.g, w.root, va, 2)
		if w.way.level == 1 {
			w.way.read |= bit(w.way.table)
		}
		w.m, w.base, w.valid = w.way, base, true
	}
	m, page := &w.m, int(va&(span-1)/model.PageSize)
	switch {
	case w.way.level == 1:
		return m, w.leaf(page)
	case w.ok:
		first, _ := leafBegins(w.s.L.Names(m.leaf), model.MFN(span/model.PageSize))
		m.frame = w.s.L.Map.Frame(first + model.MFN(page))
	}
	return m, w.ok
}

// leaf reads a slot of the L1 table that the way leads to.
func (w *walker) leaf(slot int) bool {
	m, way := &w.m, &w.way
	m.frame, m.writable, m.user, m.noExec = way.frame, way.writable, way.user, way.noExec
	m.leaf, m.slot = way.leaf, way.slot
	if m.table < 0 {
		m.level = 2
		return false
	}
	if m.slot = slot; m.slot >= w.g.Slots[1] {
		return false
	}
	e := w.s.Entry(w.g, m.table, m.slot)
	if m.leaf = e; e&model.Present == 0 {
		return false
	}
	m.writable = m.writable && e&model.RW != 0
	m.user = m.user && e&model.User != 0
	m.noExec = m.noExec || e&model.NX != 0
	m.frame = w.s.L.Map.Frame(w.s.L.Names(e))
	return true
}

// leafBegins is the first of the frames that a leaf of so many pages maps, by the frame that it
// names. It maps none if bits are set below: they are reserved, but for the lowest, which is PAT
// (Intel SDM vol. 3, 4.3 to 4.5, tables of the formats of entries).
func leafBegins(named, pages model.MFN) (first model.MFN, ok bool) {
	below := named & (pages - 1)
	return named - below, below <= 1
}

// slotSpan is the number of index values at a level.
func slotSpan(g *model.Geometry, level int) model.VA {
	if level == g.Levels {
		return 1 << g.VABits() / g.Span(level)
	}
	return g.Span(level+1) / g.Span(level)
}

// largeLeaf reports whether a present entry maps a large page.
func largeLeaf(s *model.State, g *model.Geometry, level int, e model.Entry) bool {
	return level == 2 && e&model.PSE != 0 && (g.Width == 8 || s.CPU.CR4&model.CR4PSE != 0)
}

// Snapshot are the translations of a state: every page that its tables map, in
// ascending address order.
type Snapshot struct {
	pages []page
	// low are, natively, the pages below PAGE_OFFSET.
	low []page
	// tables says of each frame whether it was a table.
	tables []bool
	// What was free after the boot, read-only in the direct map, and pinned; only
	// where there is life after it.
	free, readOnly, pinned model.FrameSet
}

type page struct {
	va    model.VA
	frame model.Frame
}

// TakeSnapshot lists what the tables under CR3 map. Natively the half below
// PAGE_OFFSET is left out: setup clobbers and rebuilds it by design.
func TakeSnapshot(s *model.State) *Snapshot {
	snap := &Snapshot{tables: make([]bool, s.L.Map.Frames())}
	g := s.Active()
	low := model.VA(0)
	if s.L.Hyper == nil {
		low = s.L.Kernel.PageOffset
	}
	snap.read(rootOf(s, g, s.CPU.CR3), low)
	if s.L.Life != nil {
		snap.booted(s)
	}
	return snap
}

// read adds what a tree maps. Pages below low are kept apart.
func (n *Snapshot) read(top table, low model.VA) {
	low &= 1<<top.g.VABits() - 1
	top.walk(func(t table) bool {
		if t.frame >= 0 {
			n.tables[t.frame] = true
		}
		return true
	}, func(t table, slot int, e model.Entry) bool {
		if e.Is(model.Present) {
			n.leaf(t.s.L, t.g, t.base+model.VA(slot)*t.g.Span(t.level), e, model.MFN(t.g.Span(t.level)/model.PageSize), low)
		}
		return true
	})
}

// leaf adds the pages that a leaf maps from an address on.
func (n *Snapshot) leaf(l *model.Layout, g *model.Geometry, va model.VA, e model.Entry, pages model.MFN, low model.VA) {
	if l.Names(e)%pages > 1 {
		return // reserved bits; the lowest is PAT
	}
	for p := range pages {
		to, at := l.Map.Frame(l.Names(e)/pages*pages+p), va+model.VA(p)*model.PageSize
		switch {
		case to < 0:
		case at >= low:
			n.pages = append(n.pages, page{va: g.Wrap(at), frame: to})
		default:
			n.low = append(n.low, page{va: g.Wrap(at), frame: to})
		}
	}
}

// Len is the number of pages.
func (n *Snapshot) Len() int { return len(n.pages) }

// booted notes what the boot leaves behind.
func (n *Snapshot) booted(s *model.State) {
	n.free = s.Kernel.Life.Free
	for f := range model.Frame(s.L.Map.Guest()) {
		if s.L.Hyper != nil && pinned(s, f) {
			model.Put(&n.pinned, f, true)
		}
		if model.PFN(f) >= s.L.Kernel.MaxLowPFN {
			continue
		}
		m, ok := resolve(s, s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.VA(model.PFN(f).PA()))
		if ok && !m.leaf.Is(model.RW) {
			model.Put(&n.readOnly, f, true)
		}
	}
}
