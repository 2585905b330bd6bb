package model

// kill destroys the guest: it takes back everything that the guest holds, and the
// frames themselves (Xen: domain_relinquish_resources, vcpu_destroy_pagetables,
// relinquish_memory).
func (s *State) kill() Errno {
	if s.dealings.dying {
		return EINVAL
	}
	s.dealings.dying = true
	if f := s.dealings.pending; f != NoFrame {
		s.dealings.pending = NoFrame
		s.putPageType(f, NoFrame, s.dealings.half)
	}
	roots := s.Roots()
	for n := range s.Processors() {
		c := s.CPUOf(n)
		c.CR3, c.UserCR3 = NoFrame, NoFrame
	}
	for _, f := range append(roots[:], s.GDT...) {
		if f != NoFrame {
			s.putPageType(f, NoFrame, false)
		}
	}
	s.GDT, s.dealings.granted = s.GDT[:0], s.dealings.granted[:0]
	for len(s.dealings.lent) > 0 {
		s.unlend(s.dealings.lent[0])
	}
	for level := MaxLevels; level >= 1; level-- {
		for f := range s.L.Map.Guest() {
			s.relinquish(Frame(f), level)
		}
	}
	s.flushDomain()
	return OK
}

// relinquish takes a frame back. Tables of a level that are still validated, or
// unfinished, hold themselves through same-level entries or are held by nobody:
// they are emptied by force.
func (s *State) relinquish(f Frame, level int) {
	i := &s.info[f]
	if i.Is(Pinned) {
		s.touch(f).Flags &^= Pinned
		s.putPageType(f, NoFrame, false)
	}
	if i.Is(Allocated) {
		i = s.touch(f)
		i.Flags &^= Allocated
		i.G--
	}
	if i.Typ != TableType(level) || i.T == 0 || level == 1 || i.Flags&(Validated|Partial) == 0 {
		return
	}
	i = s.touch(f)
	was := i.Flags
	i.Flags &^= Validated | Partial
	s.demote(f, was)
	if was&Partial != 0 {
		i = s.touch(f)
		i.T--
		i.G--
	}
}
