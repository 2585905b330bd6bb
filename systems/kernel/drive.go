package kernel

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Driving a system: calls are made one after the other on the working state,
// without storing states in between.

// Crash is how the kernel died in the last call, nil if it did not. It is valid
// until the next call.
func (m *Model) Crash() *model.Crash { return m.last }

// GoOn has the checker go on from call to call where the next one is made in the state that
// the last one led to, or count that anew, as it does unless it is told.
func (m *Model) GoOn(on bool) { m.goesOn = on }

// Enabled appends the enabled calls, as Calls does, when the working state is not
// the one that Restore goes back to.
func (m *Model) Enabled(dst []uint64) []uint64 {
	if m.sys.tries() {
		m.save()
	}
	return m.Calls(dst)
}

// Allows reports whether the protocol allows a call in the working state. Whether two
// calls can follow their schedule is found out by making them, unwatched.
func (m *Model) Allows(c Call) bool {
	if c.Beside.Kind != model.CallNone {
		return m.allowsPair(c)
	}
	interrupted := c.Interrupt != 0
	c.Refuse, c.Interrupt = 0, 0 // any of its hypercalls may be refused, any operation interrupted
	m.codes = m.sys.Enabled(m.codes[:0], m.work[m.start])
	return slices.Contains(m.codes, c.Code()) && (!interrupted || m.interruptible(c))
}

// Broken is what an outcome breaks: a rule's ID or the kind of a crash, "" for
// nothing.
func (m *Model) Broken(o explore.Outcome) string {
	switch o.Kind {
	case explore.Violated:
		return m.sys.rules[o.Rule].ID
	case explore.Crashed:
		return model.CrashKind(o.Rule).String()
	}
	return ""
}

// KindOf returns the kind of a call by its code, of two side by side that of the
// first, and whether they are two. It is [CallOf] for who wants nothing else.
func KindOf(code uint64) (k model.CallKind, two bool) {
	if code>>codeBoth != 0 {
		return model.CallKind(code >> codeHalf & 127), true
	}
	return model.CallKind(code >> codeKind & 0xff), false
}

// preemptions is the number of preemptions in the call's schedule.
func (c Call) preemptions() (n int) {
	for _, p := range c.Sched.Points {
		if p != 0 {
			n++
		}
	}
	return n
}
