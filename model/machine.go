package model

// Machine runs kernel code on a State: loads and stores through virtual
// addresses, mode switches and hypercalls. Each change is a [Step] that
// observers see. A Machine is not safe for concurrent use.
type Machine struct {
	*State
	// RecordSites makes each [Crash] carry the stack that led to it. It costs a
	// stack walk a death.
	RecordSites bool
	// Budget is the largest number of operations (loads, stores, hypercalls, flushes,
	// locks, and marks of calls and hooks) of a Run, those of both processors together;
	// one more is a hang. 0 sets no bound.
	Budget int
	// OnGoexit is told when kernel code ends its goroutine (runtime.Goexit, as FailNow
	// of a test does), on that goroutine, with the stack that led to it. Nothing can
	// keep the goroutine from ending. Nil: nobody is told.
	OnGoexit func(stack []uintptr)
	// Hold keeps what has changed undoable until the next [State.Commit]; steps
	// do not commit by themselves.
	Hold bool
	// Refuse is the hypercall, counted from 1, of the next Run that the hypervisor
	// refuses for want of memory, whatever it asks for; 0: none.
	Refuse int
	// Hypercalls is the number of hypercalls of the last Run, of those that may be
	// refused.
	Hypercalls int
	// OnFault is the kernel's page-fault handler; nil: a page fault is the end. It
	// reports whether the access is to be tried again.
	OnFault func(f PageFault) bool
	// OnAside is told what kernel code does between its steps; nil: nobody is, and it
	// costs nothing.
	OnAside func(a Aside)

	// Interruption is the interrupt that comes in the middle of the next Runs; nil: none does.
	Interruption *Interruption

	observers []Observer
	refusable uint64       // the operations that Refuse counts, by bit
	duo       *Duo         // the code of two processors that is run side by side, nil: none
	remote    bool         // the code of one processor runs on the other, see OnOther
	locks     uint32       // the spinlocks that are held, by bit
	owners    uint32       // those of them that processor 1 has taken
	abroad    [2][][]Place // of each processor, see Abroad
	call      Call
	step      Step
	crash     Crash
	left      int  // operations until the budget is used up
	running   bool // kernel code runs
	dead      bool // it has died of crash
}

// NewMachine returns a machine on a state, with observers.
func NewMachine(s *State, observers ...Observer) *Machine {
	return &Machine{State: s, observers: observers, refusable: refusable()}
}

// Observe adds an observer.
func (m *Machine) Observe(o Observer) { m.observers = append(m.observers, o) }

// Run carries out kernel code. The result is nil, or how the kernel died; it is
// valid until the next Run.
func (m *Machine) Run(fn func()) (died *Crash) {
	m.call, m.locks, m.Hypercalls = Call{}, 0, 0
	m.abroad[0], m.abroad[1] = m.abroad[0][:0], m.abroad[1][:0]
	m.Commit()
	m.start()
	died = m.run(fn)
	m.end()
	m.call = Call{}
	return died
}

// run carries out kernel code in the call that the machine is in. Kernel code that
// has died and goes on all the same, because it recovers from panics, is dead.
func (m *Machine) run(fn func()) (died *Crash) {
	returned := false
	defer func() {
		if !returned {
			died = m.ended(recover())
		} else if m.dead {
			died = &m.crash
		}
	}()
	fn()
	returned = true
	return nil
}

// Begin marks the start of a protocol call and returns the call it is part of,
// for [Machine.End].
func (m *Machine) Begin(c Call) (outer Call) {
	m.spend()
	outer = m.call
	m.call = c
	m.emit(Step{Op: OpCallBegin})
	return outer
}

// End marks the end of the protocol call that Begin started.
func (m *Machine) End(outer Call) {
	m.spend()
	m.emit(Step{Op: OpCallEnd})
	m.call = outer
}

// Die ends the kernel under test. It dies once: what it does afterwards, because it
// has recovered from the panic, ends in the same way.
func (m *Machine) Die(c Crash) {
	if !m.dead {
		m.perish(c)
	}
	panic(&m.crash)
}

// perish notes how kernel code dies. From here on no operation is carried out.
func (m *Machine) perish(c Crash) {
	m.crash = c
	if m.RecordSites {
		m.crash.Stack, m.crash.Places = callers(), m.Places()
	}
	if m.running {
		m.dead, m.left = true, 0
	}
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
		m.step = s
		for _, o := range m.observers {
			o.Step(m, &m.step)
		}
	}
	if !m.Hold {
		m.Commit()
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
