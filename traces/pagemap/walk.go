package pagemap

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// tableKey tells tables apart: in PAE one page can be read at two levels.
type tableKey struct {
	pa    uint64
	level int
}

// edge is an entry that names a table, with the first address that it maps and
// the root under which it was met first.
type edge struct {
	parent tableKey
	slot   int
	root   int // index of rootNames
	va     uint64
}

// rootNames are the roots that a dump can have.
var rootNames = [...]string{"kernel", "builder"}

// rights are what the levels above grant together.
type rights struct{ rw, user, nx bool }

// walker goes through the tables of a dump.
type walker struct {
	file   *golden.File
	c      *golden.Config
	m2p    *golden.M2P
	tables map[tableKey]*golden.Table
	edges  map[tableKey][]edge
	order  []tableKey // of the tables, as they were met
	root   int
	ranges []Range
}

func newWalker(f *golden.File) *walker {
	w := &walker{file: f, c: &f.Config, m2p: f.Config.M2P(), tables: map[tableKey]*golden.Table{}, edges: map[tableKey][]edge{}}
	for i := range f.Tables {
		if t := &f.Tables[i]; t.Width == f.Config.EntryWidth() {
			w.tables[tableKey{t.PA, t.Level}] = t
		}
	}
	return w
}

// span is the number of bytes that an entry of a level maps.
func (w *walker) span(level int) uint64 {
	switch level {
	case 1:
		return golden.PageSize
	case 2:
		return w.c.PMDSize()
	}
	return 1 << 30
}

// slots is the number of entries of a table of a level.
func (w *walker) slots(level int) int {
	if level == 3 {
		return 4
	}
	return w.c.PtrsPerTable()
}

// note remembers that an entry names a table. An entry of a shared table counts
// once.
func (w *walker) note(k tableKey, e edge) {
	list := w.edges[k]
	if list == nil {
		w.order = append(w.order, k)
	}
	for _, x := range list {
		if x.parent == e.parent && x.slot == e.slot {
			return
		}
	}
	w.edges[k] = append(list, e)
}

// walk adds what a table maps from va on.
func (w *walker) walk(t *golden.Table, va uint64, r rights) {
	span, next := w.span(t.Level), 0
	for _, e := range t.Entries {
		if e.Index >= w.slots(t.Level) {
			break
		}
		for ; next < e.Index; next++ {
			w.empty(t.Level, next, va)
		}
		next++
		w.entry(t, e, va+uint64(e.Index)*span, va, r)
	}
	for ; next < w.slots(t.Level); next++ {
		w.empty(t.Level, next, va)
	}
}

// theirs reports whether an L2 slot is the hypervisor's.
func (w *walker) theirs(level, slot int, table uint64) bool {
	h := &w.c.HypervisorL2
	if w.c.Flavour != golden.Xen || level != 2 || slot < h.FirstIndex {
		return false
	}
	return w.c.RootLevel() == 2 || table>>30 == uint64(h.Slot)
}

func (w *walker) empty(level, slot int, table uint64) {
	kind, span := Hole, w.span(level)
	if level == 1 {
		kind = EmptyTable
	}
	if w.theirs(level, slot, table) {
		kind = Hypervisor
	}
	w.add(Range{Start: table + uint64(slot)*span, Size: span, Kind: kind})
}

// entry adds what an entry maps at va; table is the first address of its table.
func (w *walker) entry(t *golden.Table, e golden.Entry, va, table uint64, r rights) {
	level, raw := t.Level, model.Entry(e.Raw)
	if w.theirs(level, e.Index, table) || !raw.Is(model.Present) {
		w.empty(level, e.Index, table)
		return
	}
	if level < 3 { // a PAE root grants everything
		r.rw, r.user, r.nx = r.rw && raw.Is(model.RW), r.user && raw.Is(model.User), r.nx || raw.Is(model.NX)
	}
	if level == 1 || level == 2 && w.large(raw) {
		w.leaf(level, raw, va, r)
		return
	}
	frame, alien := w.frame(raw)
	key := tableKey{frame << golden.PageShift, level - 1}
	below := w.tables[key]
	if below == nil || alien {
		w.add(Range{Start: va, Size: w.span(level), Kind: Astray})
		return
	}
	w.note(key, edge{tableKey{t.PA, level}, e.Index, w.root, va})
	w.walk(below, va, r)
}

// large reports whether an L2 entry maps a large page.
func (w *walker) large(e model.Entry) bool {
	return e.Is(model.PSE) && (w.c.Mode == golden.PAE || w.file.CR4Set&uint64(model.CR4PSE) != 0)
}

func (w *walker) leaf(level int, e model.Entry, va uint64, r rights) {
	shift := uint(golden.PageShift)
	if level == 2 {
		shift = w.c.PMDShift()
	}
	frame, alien := w.frame(e)
	frame &^= 1<<(shift-golden.PageShift) - 1
	w.add(Range{Start: va, Size: 1 << shift, Kind: Page,
		Leaf: Leaf{Shift: shift, Frame: frame, Alien: alien, Flags: e.Flags(), RW: r.rw, User: r.user, NX: r.nx}})
}

// frame is the guest's number of the frame that an entry names; alien says that
// it is a machine frame of somebody else.
func (w *walker) frame(e model.Entry) (frame uint64, alien bool) {
	mfn := uint64(e.MFN())
	if w.c.Flavour == golden.Native {
		return mfn, false
	}
	if pfn, ok := w.m2p.PFN(mfn); ok {
		return pfn, false
	}
	return mfn, true
}

// add appends a range, or makes the last one longer. Under another root than the
// kernel's nothing is drawn.
func (w *walker) add(r Range) {
	if w.root != 0 {
		return
	}
	r.Area = w.area(r.Start)
	if n := len(w.ranges); n > 0 && w.ranges[n-1].goesOn(&r) {
		w.ranges[n-1].Size += r.Size
		return
	}
	w.ranges = append(w.ranges, r)
}

// goesOn reports whether b, which follows a, is more of the same.
func (a *Range) goesOn(b *Range) bool {
	want := a.Leaf
	if a.Kind == Page {
		want.Frame += a.Size >> golden.PageShift
	}
	return a.Kind == b.Kind && a.Area == b.Area && want == b.Leaf
}

// area says what the kernel uses an address for.
func (w *walker) area(va uint64) string {
	c := w.c
	switch {
	case va < c.PageOffset:
		return "user half"
	case va-c.PageOffset < c.MaxLowPFN<<golden.PageShift:
		return "low memory"
	case va >= c.FixLowestVA() && va <= c.FixaddrTop:
		return "fixmap"
	case c.Highmem && va >= c.PkmapBase() && va < c.PkmapBase()+uint64(c.LastPkmap)<<golden.PageShift:
		return "pkmap"
	}
	return "kernel half"
}

// walkBuilder notes which tables the domain builder's root leads to as well.
func (w *walker) walkBuilder() {
	if w.c.Root() == w.c.SwapperPgDir {
		return
	}
	if root := w.tables[tableKey{w.c.Root(), w.c.RootLevel()}]; root != nil {
		w.root = 1
		w.walk(root, 0, rights{})
	}
}
