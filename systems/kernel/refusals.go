package kernel

import (
	"github.com/ptcheck/ptcheck/model"
)

// Hypercalls that fail. A kernel that asks for nothing wrong may be refused all the
// same: the hypervisor is out of memory. It must stop or undo what it has begun; a
// search with Options.Failures tries it at each hypercall of each call.

// maxRefused bounds the hypercalls of a call that are refused in turn.
const maxRefused = 1<<8 - 1

// withRefusals appends the calls from a place in dst on once more for each hypercall
// that they make, with that hypercall refused. It finds out how many there are by
// making the call.
func (m *Model) withRefusals(dst []uint64, from int) []uint64 {
	t := m.rehearse()
	for _, code := range dst[from:] {
		t.call = CallOf(code)
		if t.call.CPU != 0 {
			continue // what one processor's kernel does, the other's does too
		}
		m.enter(code)
		t.machine.Run(t.run)
		m.leave()
		m.work[m.start].CopyFrom(m.saved[m.start])
		for n := range min(t.machine.Hypercalls, maxRefused) {
			t.call.Refuse = uint8(n + 1)
			dst = append(dst, t.call.Code())
		}
	}
	return dst
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
