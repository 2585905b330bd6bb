package model

// Processor is what each processor has of its own: its registers, the
// translations that it caches, and what kernel and hypervisor remember of it.
type Processor struct {
	CPU CPU
	TLB TLB
	// XenCR3 is the kernel's record of the root that it asked for.
	XenCR3 Frame

	flushed   uint32         // the hypervisor's clock at its last flush
	abandoned abandonedTable // what the hypervisor has to finish for it
}

// Processors is the number of processors, 1 or 2.
func (s *State) Processors() int {
	if s.other != nil {
		return 2
	}
	return 1
}

// Running is the number of the processor, 0 or 1, whose registers are in CPU and
// TLB. Between the calls of a system it is 0, and only then is a state packed.
func (s *State) Running() int { return int(s.running) }

// StartProcessor starts the second processor as a copy of the first: on the same
// root, with nothing cached. Under a hypervisor the root gets the references of
// another user.
func (s *State) StartProcessor() Errno {
	o := s.other
	o.CPU, o.XenCR3, o.TLB.Sticky = s.CPU, s.Kernel.XenCR3, s.TLB.Sticky
	if s.L.Hyper == nil {
		return OK
	}
	o.CPU.CR3, o.CPU.UserCR3 = NoFrame, NoFrame
	mfn := s.L.Map.MFN(s.CPU.CR3)
	s.SwitchProcessor()
	rc := s.newBaseptr(mfn)
	s.SwitchProcessor()
	s.Commit()
	return rc
}

// TwoProcessors returns a copy of a machine with one processor that has a second
// one, started.
func (s *State) TwoProcessors() (*State, Errno) {
	l := *s.L
	l.SMP = true
	two := NewState(&l)
	two.CopyFrom(s)
	two.L = &l
	return two, two.StartProcessor()
}

// SwitchProcessor makes the other processor the running one.
func (s *State) SwitchProcessor() {
	o := s.other
	s.CPU, o.CPU = o.CPU, s.CPU
	s.TLB, o.TLB = o.TLB, s.TLB
	s.Kernel.XenCR3, o.XenCR3 = o.XenCR3, s.Kernel.XenCR3
	s.flushed, o.flushed = o.flushed, s.flushed
	s.abandoned, o.abandoned = o.abandoned, s.abandoned
	s.running ^= 1
}

// CPUOf is the registers of a processor by number, 0 or 1.
func (s *State) CPUOf(n int) *CPU {
	if s.other == nil || n == int(s.running) {
		return &s.CPU
	}
	return &s.other.CPU
}

// TLBOf is the cached translations of a processor by number, 0 or 1.
func (s *State) TLBOf(n int) *TLB {
	if s.other == nil || n == int(s.running) {
		return &s.TLB
	}
	return &s.other.TLB
}

// Roots are the roots that processors use: for each in turn the kernel's and the
// user's, NoFrame for none.
func (s *State) Roots() [4]Frame {
	r := [4]Frame{s.CPU.CR3, s.CPU.UserCR3, NoFrame, NoFrame}
	if s.other != nil {
		n := 2 * int(s.running)
		r[n], r[n+1] = s.CPU.CR3, s.CPU.UserCR3
		r[2-n], r[3-n] = s.other.CPU.CR3, s.other.CPU.UserCR3
	}
	return r
}

// flushOthers drops what the other processor caches (an interrupt to it).
func (s *State) flushOthers() {
	if o := s.other; o != nil {
		o.TLB.flush(true)
		s.clock++
		o.flushed = s.clock
	}
}

// copyProcessor makes the second processor of s that of o.
func (s *State) copyProcessor(o *State) {
	s.running = o.running
	if o.other == nil {
		return
	}
	t, f := s.other, o.other
	t.CPU, t.XenCR3, t.flushed, t.abandoned = f.CPU, f.XenCR3, f.flushed, f.abandoned
	t.TLB.copyFrom(&f.TLB)
}
