package pvdp

import (
	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// Site implements [attack.Kind]: the code that answers an operation; nil for plain
// stores.
func (*system) Site(o Op) *reports.Site {
	switch o.Op {
	case opMMU:
		return view.SiteOf((*model.Machine).MMUUpdate)
	case opPin:
		return view.SiteOf((*model.Machine).Pin)
	case opUnpin:
		return view.SiteOf((*model.Machine).Unpin)
	case opCR3:
		return view.SiteOf((*model.Machine).NewBaseptr)
	case opUserCR3:
		return view.SiteOf((*model.Machine).NewUserBaseptr)
	case opGDT:
		return view.SiteOf((*model.Machine).SetGDT)
	case opClear:
		return view.SiteOf((*model.Machine).ClearFrame)
	case opCopy:
		return view.SiteOf((*model.Machine).CopyFrame)
	}
	return nil
}

// Conclude implements [attack.Guest].
func (m *Model) Conclude(f *reports.Finding, broken int) {
	r := ruleOf(broken)
	view.Conclude(f, r.Judge(m.s, view.Namer{L: m.s.L}), view.GuestRoots(m.s))
}
