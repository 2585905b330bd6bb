package kernel

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// newFinding begins a report at the start of the day.
func (m *Model) newFinding() *reports.Finding {
	st := m.State()
	return &reports.Finding{
		System:  m.sys.Name,
		Start:   m.sys.Inits[m.start].Name,
		Frames:  view.FrameRoles(st.L, st.Kernel.BootmemNext),
		Initial: view.StartOfDay(st),
		Calls:   []reports.Call{},
		Stack:   []reports.Site{},
	}
}

// Watch has observers see every step before the checker does, so that the step that
// breaks a rule is their last. No call is made twice from then on.
func (m *Model) Watch(seen ...model.Observer) {
	machine := model.NewMachine(m.machine.State, append(seen, m.checker)...)
	m.equip(machine, &m.kernel)
	m.machine, m.kernel.M = machine, machine
	m.duo = model.NewDuo(machine)
	m.once()
}

// trail finds the code under test on a stack.
func trail() *view.Trail { return view.NewTrail(Call.run, (*hooks.Kernel).Write) }

// trailHere finds it while the model's machine runs.
func (m *Model) trailHere() *view.Trail {
	t := trail()
	t.Places = func() [][]model.Place { return m.machine.Places() }
	return t
}

// conclude fills in what went wrong.
func (m *Model) conclude(f *reports.Finding, out explore.Outcome, w view.Witness) {
	if m.last != nil {
		f.Stack = w.Log.Trail.Of(m.last.Stack, m.last.Places)
	}
	st := m.State()
	if out.Kind == explore.Violated {
		v := m.checker.Violation(view.Namer{L: st.L})
		view.Conclude(f, v, view.KernelRoots(st), w)
		if table, slot, ok := v.Place(); ok {
			f.Stored = w.Log.Stored(table, slot)
		}
		return
	}
	f.Crash, f.Kind = m.last.Error(), m.last.Kind.String()
	f.Detail, f.Walks = view.Autopsy(st, m.last, w.Log)
	view.ExplainCrash(f, st, view.KernelRoots(st), w)
}
