package kernel

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
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
// breaks a rule is their last.
func (m *Model) Watch(seen ...model.Observer) {
	m.machine = model.NewMachine(m.machine.State, append(seen, m.checker)...)
	m.kernel.M = m.machine
	faults(m.machine, &m.kernel)
	m.duo = model.NewDuo(m.machine)
}

// trail finds the code under test on a stack.
func trail() *view.Trail { return view.NewTrail(Call.run, (*hooks.Kernel).Write) }

// conclude fills in what went wrong.
func (m *Model) conclude(f *reports.Finding, out explore.Outcome, log *view.StepLog) {
	if m.last != nil {
		f.Stack = log.Trail.Of(m.last.Stack)
	}
	st := m.State()
	if out.Kind == explore.Violated {
		r := m.sys.rules[out.Rule]
		f.Rule, f.Says, f.Source, f.Limits = r.ID, r.Says, r.Source, r.Limits
		f.Detail = detailText(st, m.checker.Detail)
		f.Walks = view.Locate(st, m.checker.Detail)
		return
	}
	f.Crash, f.Kind = m.last.Error(), m.last.Kind.String()
	f.Detail, f.Walks = view.Autopsy(st, m.last, log)
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
