package pvdp

import (
	"fmt"
	"strings"

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
	switch broken {
	case ruleReadOnly:
		m.explainExposed(f)
	case ruleCounts:
		m.explainCounts(f)
	case ruleRoot:
		f.Detail = fmt.Sprintf("CR3 names f%d, which the hypervisor has as %s", m.s.CPU.CR3, view.TypeText(m.s.Info(m.s.CPU.CR3)))
		m.walkTo(f, m.s.CPU.CR3)
	}
}

// explainExposed finds the first entry that maps a table in use writable.
func (m *Model) explainExposed(f *reports.Finding) {
	for table := range model.Frame(m.a.frames) {
		if m.census.Tallies[table].Table != model.TypeL1 {
			continue
		}
		for slot := range m.a.slots {
			e := m.s.Entry(m.a.geo, table, slot)
			to := model.Frame(e.MFN())
			if !e.Is(model.Present|model.RW) || m.census.Tallies[to].Table == model.TypeNone {
				continue
			}
			f.Detail = fmt.Sprintf("entry f%d[%d] is %s; f%d is in use as %v", table, slot, view.EntryText(m.s.L, e), to, m.census.Tallies[to].Table)
			if w, ok := view.WalkEntry(m.s, view.GuestRoots(m.s), table, slot); ok {
				f.Walks = append(f.Walks, w)
			}
			m.walkTo(f, to)
			return
		}
	}
}

// explainCounts finds the first frame whose record differs from a recount.
func (m *Model) explainCounts(f *reports.Finding) {
	for g := range model.Frame(m.a.frames) {
		y, i := &m.census.Tallies[g], m.s.Info(g)
		if y.T == i.T && (y.T == 0 || y.Typ == i.Typ) {
			continue
		}
		recount := "unused"
		if y.T > 0 {
			recount = fmt.Sprintf("%v x%d", y.Typ, y.T)
		}
		f.Detail = fmt.Sprintf("f%d is %s by memory, pins and registers; the hypervisor has it as %s", g, recount, view.TypeText(i))
		m.walkTo(f, g)
		return
	}
	if m.problem != nil { // types and their counts agree, something else does not
		f.Detail = strings.TrimPrefix(m.problem.Error(), "model: census: ")
	}
}

// walkTo adds the way to a table in use.
func (m *Model) walkTo(f *reports.Finding, table model.Frame) {
	if w, ok := view.WalkTable(m.s, view.GuestRoots(m.s), table); ok {
		f.Walks = append(f.Walks, w)
	}
}
