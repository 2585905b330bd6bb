package kernel

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// Interrupts. A call is made once more for each operation before which an interrupt can
// come and matter: its handler faults in the vmalloc area, because the tables in use lack
// that, and has the area synchronised in the middle of the call. Elsewhere it would do no
// more than fill the TLB, which the rules reckon with anyway. Two calls side by side are
// not interrupted as well: there the other processor comes in between.

// maxInterrupted bounds the operations of a call before which an interrupt comes.
const maxInterrupted = 1<<15 - 1

// InterruptsSetting asks for interrupts.
func InterruptsSetting() systems.Setting {
	return systems.Setting{Name: "interrupts", Says: "have an interrupt come before each operation of each call before which it can",
		Kind: systems.Switch, Default: "true"}
}

// interruptible reports whether an interrupt may come in the middle of a call in the
// working state: one of processor 0, to which nothing else happens.
func (m *Model) interruptible(c Call) bool {
	return m.sys.Interruptible != nil && c.CPU == 0 && c.Refuse == 0 && c.Beside.Kind == model.CallNone &&
		m.sys.Interruptible(m.work[m.start], c)
}

// withInterrupts appends the calls in a part of dst once more for each operation at
// which an interrupt matters. It finds these out by making the call.
func (m *Model) withInterrupts(dst []uint64, from, to int) []uint64 {
	t := m.rehearse()
	for _, code := range dst[from:to] {
		t.call = CallOf(code)
		if !m.interruptible(t.call) {
			continue
		}
		t.faults = t.faults[:0]
		m.enter(code)
		t.machine.Interruption = &t.interruption
		t.machine.Run(t.run)
		t.machine.Interruption = nil
		m.leave()
		m.work[m.start].CopyFrom(m.saved[m.start])
		for _, at := range t.faults {
			t.call.Interrupt = at
			dst = append(dst, t.call.Code())
		}
	}
	return dst
}

// watchInterrupts prepares the rehearsal's machine to note where an interrupt would fault.
func (t *rehearsal) watchInterrupts() {
	t.interruption = model.Interruption{Masked: hooks.InterruptsOff(), Watch: func(at int) {
		if _, fault := t.machine.Walk(t.machine.L.Life.Vmalloc); fault != model.WalkOK && at <= maxInterrupted {
			t.faults = append(t.faults, uint16(at))
		}
	}}
}

// watchInterrupt prepares the model's machine for interrupts.
func (m *Model) watchInterrupt() {
	m.interruption = model.Interruption{Masked: hooks.InterruptsOff(), Handler: func() { hooks.Interrupt(&m.kernel) }}
}

// interrupted has the machine interrupt the call that is about to be made.
func (m *Model) interrupted() {
	m.machine.Interruption = nil
	if at := m.call.Interrupt; at != 0 {
		m.interruption.At = int(at)
		m.machine.Interruption = &m.interruption
	}
}
