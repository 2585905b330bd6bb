package hostile

import (
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Conclude implements [attack.Guest].
func (m *Model) Conclude(f *reports.Finding, broken int) {
	d, roots := m.judge.Detail, view.GuestRoots(m.s)
	var entry bool
	if f.Detail, entry = m.detail(m.sys.rules[broken].ID); entry {
		if w, ok := view.WalkEntry(m.s, roots, d.Table, d.Slot); ok {
			f.Walks = append(f.Walks, w)
		}
	}
	if d.Frame != d.Table && m.s.L.Map.IsGuest(d.Frame) {
		if w, ok := view.WalkTable(m.s, roots, d.Frame); ok {
			f.Walks = append(f.Walks, w)
		}
	}
}
