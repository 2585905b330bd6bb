package model

import (
	"runtime"
	"strings"
)

// Machine runs kernel code on a State: loads and stores through virtual
// addresses, mode switches and hypercalls. Each change is a [Step] that
// observers see. A Machine is not safe for concurrent use.
type Machine struct {
	*State
	// RecordSites makes every Step carry the program counter of the kernel code
	// that took it. It costs a stack walk a step.
	RecordSites bool
	// Hold keeps what has changed undoable until the next [State.Commit]; steps
	// do not commit by themselves.
	Hold bool
	// Refuse is the hypercall, counted from 1, of the next Run that the hypervisor
	// refuses for want of memory, whatever it asks for; 0: none.
	Refuse int
	// Hypercalls is the number of hypercalls of the last Run.
	Hypercalls int
	// OnFault is the kernel's page-fault handler; nil: a page fault is the end. It
	// reports whether the access is to be tried again.
	OnFault func(f PageFault) bool

	observers []Observer
	duo       *Duo   // the code of two processors that is run side by side, nil: none
	locks     uint32 // the spinlocks that are held, by bit
	call      Call
	step      Step
	crash     Crash
}

// NewMachine returns a machine on a state, with observers.
func NewMachine(s *State, observers ...Observer) *Machine {
	return &Machine{State: s, observers: observers}
}

// Observe adds an observer.
func (m *Machine) Observe(o Observer) { m.observers = append(m.observers, o) }

// Run carries out kernel code. The result is nil, or how the kernel died; it is
// valid until the next Run.
func (m *Machine) Run(fn func()) (died *Crash) {
	m.call, m.locks, m.Hypercalls = Call{}, 0, 0
	m.Commit()
	died = m.run(fn)
	m.call = Call{}
	return died
}

// run carries out kernel code in the call that the machine is in.
func (m *Machine) run(fn func()) (died *Crash) {
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(*Crash)
			if !ok {
				panic(r)
			}
			died = c
		}
	}()
	fn()
	return nil
}

// Begin marks the start of a protocol call and returns the call it is part of,
// for [Machine.End].
func (m *Machine) Begin(c Call) (outer Call) {
	outer = m.call
	m.call = c
	m.emit(Step{Op: OpCallBegin})
	return outer
}

// End marks the end of the protocol call that Begin started.
func (m *Machine) End(outer Call) {
	m.emit(Step{Op: OpCallEnd})
	m.call = outer
}

// Die ends the kernel under test.
func (m *Machine) Die(c Crash) {
	m.crash = c
	if m.RecordSites {
		m.crash.Site = kernelSite()
	}
	panic(&m.crash)
}

// Bug is the kernel's BUG() in the named function; rc is the hypercall's answer
// that led to it, if one did.
func (m *Machine) Bug(function string, rc Errno) {
	m.Die(Crash{Kind: CrashBug, Where: function, Errno: rc})
}

// watched reports whether somebody looks at the steps; if not, it closes the one
// that has just been taken.
func (m *Machine) watched() bool {
	m.stopEnded()
	if len(m.observers) > 0 {
		return true
	}
	if !m.Hold {
		m.Commit()
	}
	return false
}

// stopEnded ends the kernel, if there is one, when the hypervisor has ended the
// guest.
func (m *Machine) stopEnded() {
	if m.dealings.ended && m.L.Kernel.MaxLowPFN != 0 {
		m.Die(Crash{Kind: CrashEnded})
	}
}

// emit shows a step to the observers and closes it.
func (m *Machine) emit(s Step) {
	if len(m.observers) > 0 {
		s.Call, s.CPU, s.Busy = m.call, m.Running(), m.Others()
		if m.RecordSites {
			s.Site = kernelSite()
		}
		m.step = s
		for _, o := range m.observers {
			o.Step(m, &m.step)
		}
	}
	if !m.Hold {
		m.Commit()
	}
}

// kernelSite finds the innermost caller outside this package.
func kernelSite() uintptr {
	var pcs [24]uintptr
	n := runtime.Callers(3, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/ptcheck/model.") {
			return f.PC
		}
		if !more {
			return 0
		}
	}
}

// AllocBootmem hands out the next frame of the boot allocator, zeroed
// (Linux: alloc_bootmem_low_pages(PAGE_SIZE)). The kernel dies when low memory
// is used up, or when the page cannot be written through its direct map.
func (m *Machine) AllocBootmem() PFN {
	m.pause()
	pfn := m.Kernel.BootmemNext
	if pfn >= m.L.Kernel.MaxLowPFN {
		m.Die(Crash{Kind: CrashPanic, Where: "Out of memory"})
	}
	m.Kernel.BootmemNext++
	m.emit(Step{Op: OpBootmem, Frame: Frame(pfn)})
	m.ClearPage(m.L.VA(pfn.PA()))
	return pfn
}
