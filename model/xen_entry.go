package model

// Entries: what a present entry must be, and what it holds.

// getLeaf takes the references of a present leaf entry (Xen: get_page_from_l1e):
// a general one, and the type Writable when the entry is writable, which fails
// exactly while the frame is in use as a table. flip are flags that Xen inverts
// before it stores the entry.
func (s *State) getLeaf(e Entry) (flip Entry, rc Errno) {
	if e&s.rules.disallow[1] != 0 || s.refuses(1, e) {
		return 0, EINVAL
	}
	f := s.L.Map.Frame(e.MFN())
	if f == NoFrame {
		return s.L.Hyper.leafOutside(e)
	}
	if s.info[f].G == 0 {
		return 0, EBUSY
	}
	if e&cacheAttrs != 0 && s.rules.modern && !s.L.Map.IsGuest(f) {
		return 0, EACCES
	}
	if !e.Is(RW) {
		s.touch(f).G++
		return 0, OK
	}
	if s.getType(f, TypeWritable, false) != OK {
		return 0, EBUSY
	}
	s.touch(f).G++
	return 0, OK
}

// refuses is the mistake of a mutant that refuses what is legal.
func (s *State) refuses(level int, e Entry) bool {
	return s.rules.mutant.Refuses != nil && s.rules.mutant.Refuses(s, level, e)
}

// putLeaf gives back what a leaf entry holds (Xen: put_page_from_l1e).
func (s *State) putLeaf(e Entry) {
	if !e.Is(Present) {
		return
	}
	f := s.L.Map.Frame(e.MFN())
	if f == NoFrame {
		return
	}
	if e.Is(RW) {
		s.putType(f, NoFrame, false)
	}
	s.touch(f).G--
}

// getUpper takes the references of a present entry above level 1 in a table
// (Xen: get_page_from_l2e to get_page_from_l4e). held says that the entry has a
// general reference from an unfinished audit.
func (s *State) getUpper(e Entry, table Frame, level int, held bool) Errno {
	if e&s.rules.disallow[level] != 0 || s.refuses(level, e) {
		return EINVAL
	}
	rc := s.getPageType(s.L.Map.Frame(e.MFN()), TableType(level-1), false, held)
	if rc == EINVAL && s.getLinear(e, table, level) {
		if held {
			s.forget(ForgetLinearEntry, s.L.Map.Frame(e.MFN()))
		}
		return OK
	}
	return rc
}

// putUpper gives back what an entry above level 1 holds, and reports whether it
// held anything (Xen: put_page_from_l2e to put_page_from_l4e).
func (s *State) putUpper(e Entry, table Frame, half bool) (held bool, rc Errno) {
	if !e.Is(Present) {
		return false, OK
	}
	f := s.L.Map.Frame(e.MFN())
	switch f {
	case table:
		return false, OK
	case NoFrame: // only mutants let such an entry be there
		s.fatal = FatalReference
		return true, OK
	}
	return true, s.putPageType(f, table, half)
}
