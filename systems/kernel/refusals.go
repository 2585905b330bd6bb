package kernel

import (
	"github.com/ptcheck/ptcheck/model"
)

// Hypercalls that fail. A kernel that asks for nothing wrong may be refused all the
// same: the hypervisor is out of memory. It must stop or undo what it has begun; a
// search with Options.Failures tries it at each hypercall of each call.

// maxRefused bounds the hypercalls of a call that are refused in turn.
const maxRefused = 1<<8 - 1

// madeCall is a call that has been made under the eyes of the checker, with the number of its
// hypercalls; -1 if it was stopped in the middle.
type madeCall struct {
	code       uint64
	hypercalls int
}

// noteMade notes a call that has just been made.
func (m *Model) noteMade(code uint64) {
	if !m.sys.failures {
		return
	}
	n := m.machine.Hypercalls
	if m.checker.Violated >= 0 {
		n = -1
	}
	m.made = append(m.made, madeCall{code, n})
}

// withRefusals appends the calls in a part of dst once more for each hypercall
// that they make, with that hypercall refused. How many there are shows by making the
// call, unless it has been made.
func (m *Model) withRefusals(dst []uint64, from, to int) []uint64 {
	for i, code := range dst[from:to] {
		c := CallOf(code)
		if c.CPU != 0 {
			continue // what one processor's kernel does, the other's does too
		}
		for n := range min(m.hypercalls(code, i), maxRefused) {
			c.Refuse = uint8(n + 1)
			dst = append(dst, c.Code())
		}
	}
	return dst
}

// hypercalls is the number of hypercalls of a call in the working state, the one of that index
// of those that are enabled.
func (m *Model) hypercalls(code uint64, i int) int {
	if i < len(m.made) && m.made[i].code == code && m.made[i].hypercalls >= 0 {
		return m.made[i].hypercalls
	}
	t := m.rehearse()
	t.call = CallOf(code)
	m.enter(code)
	t.machine.Run(t.run)
	m.leave()
	m.work[m.start].CopyFrom(m.saved[m.start])
	return t.machine.Hypercalls
}

// stopped reports whether the kernel has died as it must, of the hypercall that was
// refused on purpose or because its memory does not suffice: that is no finding, and leads
// to no state.
func (m *Model) stopped() bool {
	if p := m.sys.Inits[m.start].Panic; p != "" && m.last != nil && m.last.Kind == model.CrashPanic && m.last.Where == p {
		return true
	}
	return m.call.Refuse != 0 && m.last != nil && m.last.Kind == model.CrashBug && m.last.Errno == model.ENOMEM
}
