package pagemap

import "github.com/ptcheck/ptcheck/traces/golden"

// Share is a run of table pages that hang in several places. The tables below a
// shared one are shared with it and not listed again.
type Share struct {
	Level  int
	Frame  uint64 // of the first table
	Tables int    // consecutive frames at consecutive addresses
	Span   uint64 // bytes that each of them maps
	Empty  bool   // they map nothing
	At     []Place
}

// Place is where a shared run begins.
type Place struct {
	Root string // "kernel" or "builder"
	VA   uint64
}

// goesOn reports whether b, which follows a, is more of the same.
func (a *Share) goesOn(b *Share) bool {
	n := uint64(a.Tables)
	if a.Level != b.Level || a.Frame+n != b.Frame || a.Empty != b.Empty || len(a.At) != len(b.At) {
		return false
	}
	for i := range a.At {
		if a.At[i].Root != b.At[i].Root || a.At[i].VA+n*a.Span != b.At[i].VA {
			return false
		}
	}
	return true
}

// shares lists the tables that several entries name.
func (w *walker) shares() []Share {
	var out []Share
	for _, k := range w.order {
		edges := w.edges[k]
		if len(edges) < 2 {
			continue
		}
		s := Share{Level: k.level, Frame: k.pa >> golden.PageShift, Tables: 1, Span: w.span(k.level + 1), Empty: len(w.tables[k].Entries) == 0}
		for _, e := range edges {
			s.At = append(s.At, Place{rootNames[e.root], e.va})
		}
		if n := len(out); n > 0 && out[n-1].goesOn(&s) {
			out[n-1].Tables++
			continue
		}
		out = append(out, s)
	}
	return out
}

// underKernel reports whether the kernel's root leads to a table.
func (w *walker) underKernel(k tableKey) bool {
	if k == (tableKey{w.c.SwapperPgDir, w.c.RootLevel()}) {
		return true
	}
	for _, e := range w.edges[k] {
		if e.root == 0 {
			return true
		}
	}
	return false
}

// levels counts the tables under the kernel's root.
func (w *walker) levels() []Level {
	root := w.c.RootLevel()
	out := make([]Level, root)
	for i := range out {
		out[i].Level = root - i
	}
	startDay, allocated := map[uint64]bool{}, map[uint64]bool{}
	for _, pfn := range w.startOfDay() {
		startDay[pfn] = true
	}
	for _, b := range w.file.Bootmem {
		allocated[b.PFN] = true
	}
	for k, t := range w.tables {
		if !w.underKernel(k) {
			continue
		}
		l, pfn := &out[root-k.level], k.pa>>golden.PageShift
		l.Tables++
		l.Entries += len(t.Entries)
		switch {
		case startDay[pfn]:
			l.StartDay++
		case allocated[pfn]:
			l.Allocated++
		}
	}
	return out
}

// startOfDay lists the frames of the tables that the kernel started on.
func (w *walker) startOfDay() []uint64 {
	if w.c.Flavour == golden.Xen {
		return w.c.SOD.Frames(w.c.Mode)
	}
	var out []uint64
	for i := range w.c.BootTables() {
		out = append(out, w.c.PG0>>golden.PageShift+uint64(i))
	}
	return out
}

// left counts the tables of the dump that the kernel's root does not lead to.
func (w *walker) left() int {
	n := 0
	for i := range w.file.Tables {
		if t := &w.file.Tables[i]; t.Width != w.c.EntryWidth() || !w.underKernel(tableKey{t.PA, t.Level}) {
			n++
		}
	}
	return n
}
