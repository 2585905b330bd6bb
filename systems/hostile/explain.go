package hostile

import (
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Conclude implements [attack.Guest].
func (m *Model) Conclude(f *reports.Finding, broken int, w view.Witness) {
	view.Conclude(f, m.judge.Violation(broken, view.Namer{L: m.s.L}), view.GuestRoots(m.s), w)
}
