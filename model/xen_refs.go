package model

import "runtime"

// References to frames. A general reference keeps a frame from being freed; a
// type reference also keeps it used as one type. Rules for frames that are not
// the guest's need no test of ownership: their records hold no general
// reference, and nobody can take a first one.

// CountsReferences reports whether a place in the source is one of those that all
// references go through: who wants them is who calls these.
func CountsReferences(f runtime.Frame) bool {
	_, here, _, _ := runtime.Caller(0)
	return f.File == here
}

// touch returns the record of a frame for changing, undoably. One copy of it is
// enough until the next point that can be rolled back to; the first 64 frames
// are remembered.
func (s *State) touch(f Frame) *FrameInfo {
	i := &s.info[f]
	if s.OnRecord != nil {
		s.OnRecord(f)
	}
	if s.base != nil {
		s.base.changed |= 1 << uint(f)
		return i
	}
	if uint(f) < 64 {
		if s.touched>>uint(f)&1 != 0 {
			return i
		}
		s.touched |= 1 << uint(f)
	}
	s.journal = append(s.journal, change{frame: f, word: recordChange, info: *i})
	return i
}

// ours reports whether the guest can take a reference to a frame
// (Xen: get_page for the current domain).
func (s *State) ours(f Frame) bool { return f != NoFrame && s.info[f].G > 0 }

// getType takes a type reference (Xen: _get_page_type). A frame that nobody uses
// may change its type and is then audited as the new one. special asks for the
// L2 with Xen's slots. A refusal says EINVAL or what was wrong inside.
func (s *State) getType(f Frame, t Type, special bool) Errno {
	if s.base != nil && s.base.changed == 0 && !special {
		return s.getTypeOnce(f, t)
	}
	return s.takeType(f, t, special)
}

// takeType is getType without a memory of what has been refused.
func (s *State) takeType(f Frame, t Type, special bool) Errno {
	i := &s.info[f]
	if i.T == 0 {
		return s.firstType(f, t, special)
	}
	if i.Typ != t || i.Is(PAEXenL2) != special {
		return EINVAL
	}
	if i.Is(Validated) {
		s.touch(f).T++
		return OK
	}
	if !i.Is(Partial) {
		return EINVAL
	}
	if f == s.busy {
		return EINTR
	}
	// Somebody gave up half-way: go on from there. The reference that stood for
	// the unfinished state goes when it is over.
	i = s.touch(f)
	i.Flags &^= Partial
	if s.rules.mutant.ResumeForgetsLinear {
		i.Linear = 0
	}
	rc := s.promote(f)
	if !s.rules.mutant.PartialRefStays {
		s.touch(f).G--
	}
	return rc
}

// firstType gives an unused frame its type.
func (s *State) firstType(f Frame, t Type, special bool) Errno {
	if s.rules.mutant.FlushesFirst && !s.flushedFirst(f, t) {
		return s.getType(f, t, special)
	}
	i := s.touch(f)
	i.T = 1
	if i.Typ != t {
		was := i.Typ
		if s.rules.mutant.FlushesAlways {
			s.flushDomain()
		}
		i.Typ = t
		i.Flags &^= Validated
		s.gap() // published, so nobody can use it as anything else any more
		if m := &s.rules.mutant; !m.FlushesFirst && (!m.FlushByNewType || t == TypeWritable) {
			s.flushStale(i.Stamp)
		}
		if s.rules.mutant.FlushesAlways {
			s.flushDomain()
		}
		if s.dealings.device {
			s.deviceFollows(f, was, t)
		}
	}
	if special {
		i.Flags |= PAEXenL2
	}
	switch {
	case i.Is(Validated):
		// Still audited from the last time it was used like this.
		return OK
	case t == TypeWritable || t == TypeShared:
		i.Flags |= Validated
		return OK
	}
	// Xen keeps the stamp where the progress of a table's audit is kept.
	i.Stamp, i.Linear, i.NrValid = 0, 0, 0
	i.Flags &^= PartialEntry
	return s.promote(f)
}

// getPageType takes a type reference and a general one (Xen:
// get_page_and_type_from_mfn). held says that the caller has the general
// reference already.
func (s *State) getPageType(f Frame, t Type, special, held bool) Errno {
	if !s.ours(f) {
		return EINVAL
	}
	rc := s.getType(f, t, special)
	if !held && (rc == OK || f == s.abandoned.table) {
		s.touch(f).G++
	}
	return rc
}

// putType gives a type reference back (Xen: _put_page_type). The last one of a
// table gives back all that its entries hold. user is the table that held the
// reference, NoFrame if something else did. half says that the reference stands
// for an unfinished audit. ERESTART says that the release was interrupted: the
// reference is still there.
func (s *State) putType(f, user Frame, half bool) Errno {
	i := &s.info[f]
	if half && !i.Is(Partial) && !s.rules.mutant.PutsUnowned {
		return OK // somebody else has finished it, and the reference with it
	}
	if i.T == 0 {
		// Nobody holds a reference that could be given back. Only mutants get here;
		// the real Xen would stop.
		s.fatal = FatalReference
		return OK
	}
	linear := user != NoFrame && s.info[user].Typ == i.Typ
	if s.locked != [2]Frame{} {
		s.waitForLock(f)
	}
	if i.T == 1 && i.Typ.Level() > 0 && i.Flags&(Validated|Partial) != 0 {
		return s.putFinal(f, user, linear)
	}
	i = s.touch(f)
	i.T--
	if linear {
		s.dropLinear(f, user)
	} else if i.T == 0 && !s.rules.mutant.UnstampedUse {
		i.Stamp = s.clock
	}
	return OK
}

// putFinal ends the use of a frame as a table (Xen: _put_final_page_type,
// devalidate_page).
func (s *State) putFinal(f, user Frame, linear bool) Errno {
	i := s.touch(f)
	was := i.Flags
	i.Flags &^= Validated | Partial
	rc := s.demote(f, was)
	if linear && was&Validated != 0 && (rc == OK || rc == ERESTART && !s.rules.mutant.LinearDropsLate) {
		s.dropLinear(f, user)
	}
	if rc != OK {
		return s.putPaused(f, was, rc)
	}
	i = s.touch(f)
	i.T--
	if i.NrValid = 0; !s.rules.mutant.UnstampedTable {
		i.Stamp = s.clock
	}
	i.Flags &^= PartialEntry
	if was&Partial != 0 {
		i.G--
	}
	s.demoted()
	return OK
}

// putPageType gives a type and a general reference back (Xen:
// put_page_and_type).
func (s *State) putPageType(f, user Frame, half bool) Errno {
	rc := s.putType(f, user, half)
	if rc == OK {
		s.touch(f).G--
	}
	return rc
}
