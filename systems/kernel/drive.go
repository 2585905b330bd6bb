package kernel

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Driving a system: calls are made one after the other on the working state,
// without storing states in between.

// Crash is how the kernel died in the last call, nil if it did not. It is valid
// until the next call.
func (m *Model) Crash() *model.Crash { return m.last }

// Enabled appends the enabled calls, as Calls does, when the working state is not
// the one that Restore goes back to.
func (m *Model) Enabled(dst []uint64) []uint64 {
	if m.Sys.Pairs != nil {
		m.saved[m.start].CopyFrom(m.work[m.start]) // schedules are found by trying
	}
	return m.Calls(dst)
}

// Allows reports whether the protocol allows a call in the working state.
func (m *Model) Allows(c Call) bool {
	c.Refuse = 0 // any of its hypercalls may be refused
	m.codes = m.Enabled(m.codes[:0])
	return slices.Contains(m.codes, c.Code())
}

// Broken is what an outcome breaks: a rule's ID or the kind of a crash, "" for
// nothing.
func (m *Model) Broken(o explore.Outcome) string {
	switch o.Kind {
	case explore.Violated:
		return m.Sys.rules[o.Rule].ID
	case explore.Crashed:
		return model.CrashKind(o.Rule).String()
	}
	return ""
}

// Site makes a call in the working state and names the kernel function in which
// the kernel dies of it, in one word, "" if it lives. It is that of the report.
func (m *Model) Site(c Call) string {
	m.Machine.RecordSites = true
	m.Apply(c.Code())
	m.Machine.RecordSites = false
	if m.last == nil {
		return ""
	}
	switch m.last.Kind {
	case model.CrashBug, model.CrashNullCall, model.CrashPanic:
		return strings.ReplaceAll(m.last.Where, " ", "-")
	}
	if at := reports.Telling(Trail().Of(m.last.Stack)); at != nil {
		return at.Function
	}
	return ""
}

// Trail finds the code under test on a stack.
func Trail() *view.Trail { return view.NewTrail(Call.run, (*hooks.Kernel).Write) }

// KindOf returns the kind of a call by its code, of two side by side that of the
// first, and whether they are two. It is [CallOf] for who wants nothing else.
func KindOf(code uint64) (k model.CallKind, two bool) {
	if code>>codeBoth != 0 {
		return model.CallKind(code >> codeHalf & 127), true
	}
	return model.CallKind(code >> codeKind & 0xff), false
}

// Preemptions is the number of preemptions in the call's schedule.
func (c Call) Preemptions() (n int) {
	for _, p := range c.Sched.Points {
		if p != 0 {
			n++
		}
	}
	return n
}

// Origin is the number of the start-of-day state that the working state comes from.
func (m *Model) Origin() int { return m.start }
