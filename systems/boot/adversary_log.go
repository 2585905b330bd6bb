package system

import (
	"fmt"
	"strings"

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
	if of, v := model.FindVerb(opNames[op]); v != nil {
		return siteOf(of.Row().Method)
	}
	return nil
}

// conclude completes the report once a rule is found broken.
func (l *adversaryLog) conclude(rule int) *reports.Finding {
	f, m := l.f, l.m
	r := adversaryRule(rule)
	f.Rule, f.Says, f.Source, f.Limits = r.ID, r.Says, r.Source, r.Limits
	f.Walks = []reports.Walk{}
	switch rule {
	case ruleReadOnly:
		m.explainExposed(f)
	case ruleCounts:
		m.explainCounts(f)
	case ruleRoot:
		f.Detail = fmt.Sprintf("CR3 names f%d, which the hypervisor has as %s", m.s.CPU.CR3, typeText(m.s.Info(m.s.CPU.CR3)))
		m.walkTo(f, m.s.CPU.CR3)
	}
	return f
}

// explainExposed finds the first entry that maps a table in use writable.
func (m *AdversaryModel) explainExposed(f *reports.Finding) {
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
			f.Detail = fmt.Sprintf("entry f%d[%d] is %s; f%d is in use as %v", table, slot, entryText(m.s.L, e), to, m.census.Tallies[to].Table)
			if w, ok := walkEntry(m.s, m.roots(), table, slot); ok {
				f.Walks = append(f.Walks, w)
			}
			m.walkTo(f, to)
			return
		}
	}
}

// explainCounts finds the first frame whose record differs from a recount.
func (m *AdversaryModel) explainCounts(f *reports.Finding) {
	for g := range model.Frame(m.a.frames) {
		y, i := &m.census.Tallies[g], m.s.Info(g)
		if y.T == i.T && (y.T == 0 || y.Typ == i.Typ) {
			continue
		}
		recount := "unused"
		if y.T > 0 {
			recount = fmt.Sprintf("%v x%d", y.Typ, y.T)
		}
		f.Detail = fmt.Sprintf("f%d is %s by memory, pins and registers; the hypervisor has it as %s", g, recount, typeText(i))
		m.walkTo(f, g)
		return
	}
	if m.problem != nil { // types and their counts agree, something else does not
		f.Detail = strings.TrimPrefix(m.problem.Error(), "model: census: ")
	}
}

// walkTo adds the way to a table in use.
func (m *AdversaryModel) walkTo(f *reports.Finding, table model.Frame) {
	if w, ok := walkTable(m.s, m.roots(), table); ok {
		f.Walks = append(f.Walks, w)
	}
}

// roots are what makes tables of frames: registers and pins.
func (m *AdversaryModel) roots() []treeRoot { return guestRoots(m.s) }

func (m *AdversaryModel) snapshot() reports.State { return guestSnapshot(m.s) }
