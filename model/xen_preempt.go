package model

// Interrupted work. The audit and the release of a table above L1 may stop
// between two entries, to be taken up again later: by the same hypercall when it
// is made again, or by whoever wants the table first. Entries below NrValid then
// hold their references, and the one at NrValid a general one if PartialEntry is
// set; the frame's own unfinished state is worth one type reference and one
// general one (Xen: PGT_partial, nr_validated_ptes, partial_flags).

// asks reports whether the audit and the release of tables of a level ask by
// themselves whether to stop. Those of L4 tables leave that to the tables below
// (Xen: promote_l4_table, demote_l4_table).
func asks(level int) bool { return level == 2 || level == 3 }

// preempted reports whether the operation must stop here (Xen:
// hypercall_preempt_check).
func (s *State) preempted() bool {
	if !s.rules.modern {
		return false // newer than 3.1
	}
	if s.preempt > 1 {
		s.preempt--
		return false
	}
	return s.preempt == 1
}

// pauseAudit notes that an audit stops at a slot. half says that the entry there
// is unfinished itself, again that it was so before and nothing was done about it
// (Xen: the ends of promote_l2_table to promote_l4_table).
func (s *State) pauseAudit(f Frame, slot int, half, again bool) Errno {
	m := &s.rules.mutant
	if slot == 0 && (!half || again && s.rules.residue) {
		if half {
			s.forget(ForgetBusyEntry, s.L.Map.Frame(s.Entry(s.rules.geo, f, 0).MFN()))
		}
		return EINTR
	}
	i := s.touch(f)
	switch {
	case half && !(again && m.PartialEntryLost):
		i.Flags |= PartialEntry
	case half || !m.PartialEntryStays:
		i.Flags &^= PartialEntry
	}
	i.NrValid = uint16(slot)
	if m.PausesBehind {
		i.NrValid++
	}
	return ERESTART
}

// promotePaused marks a table whose audit was interrupted.
func (s *State) promotePaused(f Frame) {
	i := s.touch(f)
	i.Flags |= Partial
	if !s.rules.mutant.PartialUncounted {
		i.G++
	}
}

// demoteInSteps is demote for an operation that may be interrupted. It goes from
// the last entry down, so that what is left is a beginning, as after an
// interrupted audit (Xen: demote_l2_table to demote_l4_table).
func (s *State) demoteInSteps(f Frame, level int, was FrameFlags) Errno {
	g := s.rules.geo
	slot, half := g.Slots[level]-1, false
	if was&Partial != 0 {
		slot = int(s.info[f].NrValid) - 1
		if half = was&PartialEntry != 0; half {
			slot++
		}
	}
	drop := s.rules.drop
	switch {
	case level != g.Root() || s.rules.mutant.ReleasedAdjusted:
		drop = 0
	case s.L.PAESpecial() && was&Partial == 0 && s.preempted():
		// The frame of a PAE root has many more slots, all of them empty.
		return s.pauseRelease(f, level, slot+1, false)
	}
	for ; slot >= 0; slot-- {
		e := s.Entry(g, f, slot)
		if !s.L.XenSlot(level, slot, was&PAEXenL2 != 0) {
			held, rc := s.putUpper(e, f, half)
			switch {
			case rc == EINTR && slot == g.Slots[level]-1:
				return EINTR
			case rc == EINTR:
				return s.pauseRelease(f, level, slot+1, false)
			case rc != OK:
				return s.pauseRelease(f, level, slot, true)
			}
			if held && e&drop != 0 {
				s.SetEntry(g, f, slot, e&^drop)
			}
		}
		half = false
		if slot > 0 && asks(level) && s.preempted() {
			return s.pauseRelease(f, level, slot, false)
		}
	}
	if was&PAEXenL2 != 0 {
		s.touch(f).Flags &^= PAEXenL2
	}
	return OK
}

// pauseRelease notes that entries below a slot, and the one there by half, still
// hold references.
func (s *State) pauseRelease(f Frame, level, slot int, half bool) Errno {
	if level == 2 && s.rules.mutant.L2StartsAgain {
		return EINTR
	}
	i := s.touch(f)
	i.NrValid = uint16(slot)
	if s.rules.mutant.ReleasesBehind {
		i.NrValid++
	}
	i.Flags &^= PartialEntry
	if half {
		i.Flags |= PartialEntry
	}
	return ERESTART
}

// putPaused marks a table whose release was interrupted (Xen: the end of
// _put_final_page_type).
func (s *State) putPaused(f Frame, was FrameFlags, rc Errno) Errno {
	i := s.touch(f)
	if rc == EINTR {
		i.Flags |= was & Validated
		return rc
	}
	i.Flags |= Partial
	if was&Partial == 0 {
		i.G++
	}
	return rc
}

// postpone remembers a table whose release was interrupted, with the references
// that are still to be given back (Xen: v->arch.old_guest_table). One processor
// remembers one.
func (s *State) postpone(f Frame, rc Errno) Errno {
	if rc == OK {
		return OK
	}
	s.dealings.pending, s.dealings.half = f, rc == ERESTART
	return ERESTART
}

// finishPending gives up the table that was remembered (Xen: put_old_guest_table).
func (s *State) finishPending() Errno {
	f := s.dealings.pending
	if f == NoFrame {
		return EINVAL
	}
	s.dealings.pending = NoFrame
	if rc := s.putPageType(f, NoFrame, s.dealings.half); rc != OK {
		return s.postpone(f, rc)
	}
	return OK
}
