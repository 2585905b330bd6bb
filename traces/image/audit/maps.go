package audit

import (
	"encoding/binary"
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/pagemap"
)

// mostMapped is how many ranges a map has at most.
const mostMapped = 1 << 21

// Map draws what one root maps.
func (a *Audit) Map(root int) (*pagemap.Map, error) {
	r := &a.Paging.Roots[root]
	m := &pagemap.Map{Name: fmt.Sprintf("%s, root of %s", a.image.Name, r.Of), Flavour: a.image.Form, Mode: a.Paging.Mode.String(), Root: r.Frame(), NoExecute: a.NoExecute}
	over := false
	w := newWalker(a.image, a.Paging, a.xen != nil, func(s *sight) {
		if s.kind == aTable {
			return
		}
		if len(m.Ranges) >= mostMapped {
			over = true
			return
		}
		add(m, a.rangeOf(s))
	})
	if _, err := w.root(r); err != nil {
		return nil, err
	}
	if over {
		return nil, fmt.Errorf("audit: %s: the map has more than %d ranges", a.image.Name, mostMapped)
	}
	return m, a.countLevels(m, w)
}

// rangeOf is a sight as a range of a map.
func (a *Audit) rangeOf(s *sight) pagemap.Range {
	r := pagemap.Range{Start: s.va, Size: s.size, Area: a.area(s.va)}
	switch s.kind {
	case aLeaf:
		r.Kind = pagemap.Page
		r.Leaf = pagemap.Leaf{Shift: a.Paging.Mode.Shift(s.level), Frame: s.pa >> image.PageShift, Flags: model.Entry(s.raw).Flags(),
			RW: s.rw, User: s.user, NX: s.nx}
	case again:
		r.Kind, r.As, r.Span = pagemap.Again, s.first, s.size
	case anEmpty:
		r.Kind = pagemap.EmptyTable
	case aHole:
		r.Kind = pagemap.Hole
	case linear:
		r.Kind = pagemap.Hypervisor
	default:
		r.Kind = pagemap.Astray
	}
	return r
}

// add appends a range, or makes the last one longer.
func add(m *pagemap.Map, r pagemap.Range) {
	if n := len(m.Ranges); n > 0 && extend(&m.Ranges[n-1], &r) {
		return
	}
	m.Ranges = append(m.Ranges, r)
}

// extend makes a range longer by what follows it, if that is more of the same.
func extend(a, b *pagemap.Range) bool {
	if a.Kind != b.Kind || a.Area != b.Area {
		return false
	}
	if a.Kind == pagemap.Again {
		switch {
		case b.As == a.As && b.Span == a.Span: // the same once more
		case b.As == a.As+a.Span && a.Size == a.Span: // what follows there follows here
			a.Span += b.Span
		default:
			return false
		}
		a.Size += b.Size
		return true
	}
	want := a.Leaf
	if a.Kind == pagemap.Page {
		want.Frame += a.Size >> image.PageShift
	}
	if want != b.Leaf {
		return false
	}
	a.Size += b.Size
	return true
}

// countLevels counts the tables that a walk met and their entries.
func (a *Audit) countLevels(m *pagemap.Map, w *walker) error {
	top := a.Paging.Mode.Levels()
	m.Levels = make([]pagemap.Level, top)
	for i := range m.Levels {
		m.Levels[i] = pagemap.Level{Level: top - i, Untold: true}
	}
	for phys, level := range w.inUse {
		page, err := w.read(phys)
		if err != nil {
			return err
		}
		l := &m.Levels[top-level]
		l.Tables++
		for i := range a.Paging.Mode.Slots(level) {
			if w.slot(page, phys, i) != 0 {
				l.Entries++
			}
		}
	}
	return nil
}

// slot is an entry of a table that begins at a physical address in a frame.
func (w *walker) slot(page *image.Page, phys uint64, i int) entry {
	size := w.p.Mode.EntrySize()
	at := page[int(phys&(image.PageSize-1))+size*i:]
	if size == 4 {
		return entry(binary.LittleEndian.Uint32(at))
	}
	return entry(binary.LittleEndian.Uint64(at))
}
