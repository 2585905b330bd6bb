package pvdp

import (
	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// Site implements [attack.Kind]: the code that answers an operation; nil for plain
// stores.
func (*system) Site(o Op) *reports.Site {
	if of, v := model.FindVerb(opNames[o.Op]); v != nil {
		return view.SiteOf(of.Row().Method)
	}
	return nil
}

// Conclude implements [attack.Guest].
func (m *Model) Conclude(f *reports.Finding, broken int, w view.Witness) {
	r := ruleOf(broken)
	view.Conclude(f, r.Judge(m.s, view.Namer{L: m.s.L}), view.GuestRoots(m.s), w)
}
