package kernel

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Explain runs a path again and reports how it ends: every state on the way,
// every step, and the code that took it. The path must be one that ended in a violation
// or a crash; that it does not now is an error of type [Fickle].
func (s *System) Explain(init int, path []Call) (*reports.Finding, error) {
	m := s.NewModel()
	m.Init(init)
	log := &view.StepLog{State: m.State(), Trail: Trail()}
	m.Watch(log)
	m.Machine.RecordSites = true
	f := &reports.Finding{
		System:  s.Name,
		Start:   s.Inits[init].Name,
		Frames:  view.FrameRoles(m.State().L, m.State().Kernel.BootmemNext),
		Initial: view.StartOfDay(m.State()),
		Calls:   []reports.Call{},
		Stack:   []reports.Site{},
	}
	if len(path) == 0 {
		return s.conclude(f, m, m.CheckInit(), log)
	}
	var out explore.Outcome
	for i, c := range path {
		last := i == len(path)-1
		log.Begin(last)
		out = m.Apply(c.Code())
		if !last && out.Kind != explore.Moved {
			return nil, &Fickle{Place: m.place(), Was: "it went on", Now: m.told(out, m.last)}
		}
		log.Close()
		f.Calls = append(f.Calls, reports.Call{Text: c.String(), Site: log.Site, Steps: log.Steps, After: view.Snapshot(m.State())})
	}
	return s.conclude(f, m, out, log)
}

// Watch has an observer see every step before the checker does, so that the step
// that breaks a rule is its last. No call is made twice.
func (m *Model) Watch(o model.Observer) {
	machine := model.NewMachine(m.Machine.State, o, m.checker)
	m.equip(machine, &m.Kernel)
	m.Machine, m.Kernel.M = machine, machine
	m.duo = model.NewDuo(m.Machine)
	m.recheck.off, m.recheck.due = true, false
}

// conclude fills in what went wrong.
func (s *System) conclude(f *reports.Finding, m *Model, out explore.Outcome, log *view.StepLog) (*reports.Finding, error) {
	if m.last != nil {
		f.Stack = log.Trail.Of(m.last.Stack)
	}
	st := m.State()
	switch out.Kind {
	case explore.Violated:
		r := s.rules[out.Rule]
		f.Rule, f.Says, f.Source, f.Limits = r.ID, r.Says, r.Source, r.Limits
		f.Detail = detailText(st, m.checker.Detail)
		f.Walks = view.Locate(st, m.checker.Detail)
		if d := m.checker.Detail; d.Got != 0 || d.Want != 0 {
			f.Stored = log.Stored(d.Table, d.Slot)
		}
	case explore.Crashed:
		f.Crash, f.Kind = m.last.Error(), m.last.Kind.String()
		f.Detail, f.Walks = view.Autopsy(st, m.last, log)
	default:
		return nil, &Fickle{Place: m.place(), Was: "something went wrong", Now: m.told(out, m.last)}
	}
	return f, nil
}

// detailText locates a violation in words.
func detailText(s *model.State, d invariants.Detail) string {
	var parts []string
	if d.VA != 0 {
		parts = append(parts, fmt.Sprintf("address %#x", uint64(d.VA)))
	}
	if d.Frame != model.NoFrame {
		parts = append(parts, "frame "+view.FrameName(s.L, d.Frame))
	}
	if d.Got != 0 || d.Want != 0 {
		where := fmt.Sprintf("entry %s[%d] is %s", view.FrameName(s.L, d.Table), d.Slot, view.EntryText(s.L, model.Entry(d.Got)))
		if d.Want > 0xff {
			where += ", was " + view.EntryText(s.L, model.Entry(d.Want))
		} else if d.Want != 0 {
			where += ", want flags " + string(model.AppendFlags(nil, model.Entry(d.Want)))
		}
		parts = append(parts, where)
	}
	return strings.Join(parts, "; ")
}
