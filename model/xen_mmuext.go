package model

// Operations of the hypercall mmuext_op (Xen: do_mmuext_op).

// pin takes a type reference on the guest's behalf (Xen: MMUEXT_PIN_L1_TABLE to
// MMUEXT_PIN_L4_TABLE). Levels that the guest's tables do not have are ignored.
func (s *State) pin(level int, mfn MFN) Errno {
	switch {
	case level < 1 || level > MaxLevels:
		return ENOSYS
	case level > s.rules.geo.Levels:
		return OK
	}
	f := s.L.Map.Frame(mfn)
	if !s.ours(f) || s.info[f].Is(Pinned) {
		return EINVAL
	}
	mark := s.mark()
	rc := s.getPageType(f, TableType(level), false, false)
	if rc == OK {
		s.gap()
		s.touch(f).Flags |= Pinned
		if s.dealings.dying && !s.rules.mutant.PinsDying {
			// The end of the domain has passed this frame already.
			s.touch(f).Flags &^= Pinned
			s.putPageType(f, NoFrame, false)
		}
	}
	return s.settle(mark, rc)
}

// unpin gives a pin's references back (Xen: MMUEXT_UNPIN_TABLE). Where the release
// is interrupted the guest is told that it is done: the hypervisor remembers the
// table, and finishes before it does anything else for this processor.
func (s *State) unpin(mfn MFN) Errno {
	f := s.L.Map.Frame(mfn)
	if !s.ours(f) || !s.info[f].Is(Pinned) {
		return EINVAL
	}
	s.touch(f).Flags &^= Pinned
	rc := s.postpone(f, s.putPageType(f, NoFrame, false))
	if rc == ERESTART && s.rules.mutant.RepinsPartial {
		s.touch(f).Flags |= Pinned
		s.dealings.pending = NoFrame
	}
	if s.rules.mutant.TellsInterrupted {
		return rc
	}
	return OK
}

// newBaseptr switches to another root (Xen: new_guest_cr3). The new root gets its
// references before the old one gives up its own: the pages of both trees are
// tables at that moment.
func (s *State) newBaseptr(mfn MFN) Errno {
	f := s.L.Map.Frame(mfn)
	old := s.CPU.CR3
	if f == old && f != NoFrame {
		s.flushAll()
		return OK
	}
	mark := s.mark()
	if rc := s.getPageType(f, TableType(s.rules.geo.Levels), false, false); rc != OK {
		if s.rules.mutant.RootStays && f != NoFrame {
			s.CPU.CR3 = f
		}
		return s.settle(mark, rc)
	}
	s.showM2P(f)
	s.dropLDT()
	s.CPU.CR3 = f
	if s.rules.mutant.NoFlushOnLoad {
		s.clock++
		s.flushed = s.clock
	} else {
		s.flushAll()
	}
	if old != NoFrame {
		return s.postpone(old, s.putPageType(old, NoFrame, false))
	}
	return OK
}

// newUserBaseptr sets the second root of a 64-bit guest (Xen:
// MMUEXT_NEW_USER_BASEPTR). 32-bit guests have none.
func (s *State) newUserBaseptr(mfn MFN) Errno {
	if !s.L.Geo.SignExtend {
		if s.rules.modern {
			return EINVAL
		}
		return ENOSYS
	}
	f, old := NoFrame, s.CPU.UserCR3
	if mfn != 0 {
		f = s.L.Map.Frame(mfn)
		if f == old && f != NoFrame {
			return OK
		}
		mark := s.mark()
		if rc := s.getPageType(f, TableType(s.rules.geo.Levels), false, false); rc != OK {
			return s.settle(mark, rc)
		}
		s.hideM2P(f)
	}
	s.CPU.UserCR3 = f
	if old != NoFrame {
		return s.postpone(old, s.putPageType(old, NoFrame, false))
	}
	return OK
}

// clearFrame zeroes a frame that is no table (Xen: MMUEXT_CLEAR_PAGE, newer than
// 3.1).
func (s *State) clearFrame(mfn MFN) Errno {
	f, rc := s.writableFrame(mfn)
	if rc == OK {
		for i := range s.pages[f] {
			s.SetWord(f, i, 0)
		}
		s.putType(f, NoFrame, false)
	}
	return rc
}

// copyFrame copies a frame of any type to one that is no table (Xen:
// MMUEXT_COPY_PAGE, newer than 3.1).
func (s *State) copyFrame(dst, src MFN) Errno {
	from := s.L.Map.Frame(src)
	if s.rules.modern && !s.ours(from) {
		return EINVAL
	}
	f, rc := s.writableFrame(dst)
	if rc == OK {
		for i := range s.L.words() {
			s.SetWord(f, i, s.Word(from, i))
		}
		s.putType(f, NoFrame, false)
	}
	return rc
}

// writableFrame takes the type Writable for the length of an operation.
func (s *State) writableFrame(mfn MFN) (Frame, Errno) {
	if !s.rules.modern {
		return NoFrame, ENOSYS
	}
	f := s.L.Map.Frame(mfn)
	if !s.ours(f) || s.getType(f, TypeWritable, false) != OK {
		return f, EINVAL
	}
	return f, OK
}
