package system

import (
	"fmt"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Explain runs a path again and reports how it ends: every state on the way,
// every step, and the code that took it. The path must end in a violation or a
// crash.
func (s *System) Explain(init int, path []Call) (*reports.Finding, error) {
	m := s.NewModel()
	m.Init(init)
	log := &stepLog{state: m.State()}
	m.watch(log)
	m.witness(log)
	f := &reports.Finding{
		System:  s.Name,
		Start:   s.Inits[init].Name,
		Frames:  frameRoles(m.State().L, m.State().Kernel.BootmemNext),
		Initial: startOfDay(m.State()),
		Calls:   []reports.Call{},
		Stack:   []reports.Site{},
	}
	if len(path) == 0 {
		return s.conclude(f, m, m.CheckInit(), log)
	}
	var out explore.Outcome
	for i, c := range path {
		last := i == len(path)-1
		log.begin(last)
		out = m.Apply(c.Code())
		if !last && out.Kind != explore.Moved {
			return nil, fmt.Errorf("system: %s: the path ends early, at call %d", s.Name, i+1)
		}
		f.Calls = append(f.Calls, reports.Call{Text: c.String(), Site: log.site, Steps: log.steps, After: snapshot(m.State())})
	}
	return s.conclude(f, m, out, log)
}

// watch has an observer see every step before the checker does, so that the step
// that breaks a rule is its last.
func (m *Model) watch(o model.Observer) {
	m.machine = model.NewMachine(m.machine.State, o, m.checker)
	m.kernel.M = m.machine
	faults(m.machine, &m.kernel)
	m.duo = model.NewDuo(m.machine)
}

// witness has a log note where the kernel is when it dies.
func (m *Model) witness(log *stepLog) {
	m.run = log.witness(m.run)
	for i := range m.both {
		m.both[i] = log.witness(m.both[i])
	}
}

// conclude fills in what went wrong.
func (s *System) conclude(f *reports.Finding, m *Model, out explore.Outcome, log *stepLog) (*reports.Finding, error) {
	if log.died != nil {
		f.Stack = log.died
	}
	st := m.State()
	switch out.Kind {
	case explore.Violated:
		fill(f, m.checker.Violation(namer{st.L}), append(kernelRoots(st), processRoots(st)...))
	case explore.Crashed:
		f.Crash, f.Kind = m.last.Error(), m.last.Kind.String()
		f.Detail, f.Walks = autopsy(st, m.last, log)
	default:
		return nil, fmt.Errorf("system: %s: the path breaks nothing", s.Name)
	}
	return f, nil
}

// fill completes the report of a broken rule, in the rule's own words.
func fill(f *reports.Finding, v *invariants.Violation, roots []treeRoot) {
	f.Rule, f.Says, f.Source, f.Limits = v.Rule.ID, v.Rule.Says, v.Rule.Source, v.Rule.Limits
	f.Detail, f.Walks = v.Text(), locate(v.State, roots, &v.Detail)
}
