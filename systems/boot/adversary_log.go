package system

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// adversaryLog records the operations of an adversary for a report.
type adversaryLog struct {
	m *AdversaryModel
	f *reports.Finding
}

func newAdversaryLog(m *AdversaryModel) *adversaryLog {
	a := m.a
	f := &reports.Finding{
		System:  a.Name,
		Start:   fmt.Sprintf("root f0, pinned; one table of each level below it, down to the L1 f%d", a.levels-1),
		Frames:  []string{a.Scope},
		Initial: m.snapshot(),
		Calls:   []reports.Call{},
		Stack:   []reports.Site{},
	}
	return &adversaryLog{m: m, f: f}
}

// issued records an operation before it is saved: what it changed is still known.
func (l *adversaryLog) issued(code uint64, rc model.Errno) {
	op := int(code >> 24)
	step := reports.Step{What: l.m.OpText(code), Changes: changes(l.m.s), Stack: []reports.Site{}}
	if op != opRaw {
		step.Answer = rc.String()
	}
	l.f.Calls = append(l.f.Calls, reports.Call{Text: l.m.OpText(code), Site: opSite(op), Steps: []reports.Step{step}, After: l.m.snapshot()})
}

// opSite is the code that answers an operation; nil for plain stores.
func opSite(op int) *reports.Site {
	switch op {
	case opMMU:
		return siteOf((*model.Machine).MMUUpdate)
	case opPin:
		return siteOf((*model.Machine).Pin)
	case opUnpin:
		return siteOf((*model.Machine).Unpin)
	case opCR3:
		return siteOf((*model.Machine).NewBaseptr)
	case opUserCR3:
		return siteOf((*model.Machine).NewUserBaseptr)
	case opGDT:
		return siteOf((*model.Machine).SetGDT)
	case opClear:
		return siteOf((*model.Machine).ClearFrame)
	case opCopy:
		return siteOf((*model.Machine).CopyFrame)
	}
	return nil
}

// conclude completes the report once a rule is found broken.
func (l *adversaryLog) conclude(rule int) *reports.Finding {
	r := adversaryRule(rule)
	fill(l.f, r.Judge(l.m.s, namer{l.m.s.L}), l.m.roots())
	return l.f
}

// roots are what makes tables of frames: registers and pins.
func (m *AdversaryModel) roots() []treeRoot { return guestRoots(m.s) }

func (m *AdversaryModel) snapshot() reports.State { return guestSnapshot(m.s) }
