package model

// abandonedTable is the table whose audit failed half-way and that the hypervisor
// will release before the operation ends (Xen: v->arch.old_guest_table).
// Between operations there is none.
type abandonedTable struct {
	table Frame
}

// abandon remembers that the audit of a table failed at a slot. There is room
// for one such table only, and one that is pushed out is never released: Xen
// hands the reference of the entry over when the table pushed out is the one
// that the failed entry names, and forgets it otherwise (Xen: the failure paths
// of promote_l2_table, promote_l3_table and promote_l4_table).
func (s *State) abandon(f Frame, level, slot int, held bool, e Entry) {
	if !s.rules.residue {
		return
	}
	child := s.L.Map.Frame(e.MFN())
	if slot == 0 && held && child != s.abandoned.table {
		s.forget(ForgetHalfEntry, child)
	}
	if slot > 0 {
		switch first := s.abandoned.table; {
		case level == 2 || first == NoFrame:
		case first != child:
			s.forget(ForgetPushedOut, first)
		default:
			if held = !s.rules.mutant.SkipsFailed; !held {
				slot++
			}
		}
		i := s.touch(f)
		i.NrValid = uint16(slot)
		i.Flags &^= PartialEntry
		if held {
			i.Flags |= PartialEntry
		}
		s.abandoned.table = f
	}
	if drop := s.rules.drop; drop != 0 && !s.rules.mutant.RootStaysAdjusted && level == s.rules.geo.Root() {
		for slot--; slot >= 0; slot-- {
			if e := s.Entry(s.rules.geo, f, slot); e.Is(Present) {
				s.SetEntry(s.rules.geo, f, slot, e&^drop)
			}
		}
	}
}

// settle ends a hypercall that started at a mark: a refused one is undone, by
// Xen's own means or altogether (Xen: put_old_guest_table and the continuations
// around it).
func (s *State) settle(mark int, rc Errno) Errno {
	if rc == OK {
		return OK
	}
	switch {
	case rc == ERESTART || rc == EINTR:
		return ERESTART // the guest makes the hypercall again
	case s.defers && s.abandoned.table != NoFrame && s.dealings.pending == NoFrame:
		s.dealings.pending, s.dealings.half = s.abandoned.table, true
		s.abandoned.table = NoFrame
		return rc
	}
	if !s.rules.residue {
		s.rollback(mark)
	} else if f := s.abandoned.table; f != NoFrame {
		// The hypercall is taken up again until that is done. How an interruption
		// there leaves it shows where the release is put off.
		s.abandoned.table, s.preempt = NoFrame, 0
		s.putPageType(f, NoFrame, true)
	}
	if !s.rules.modern && rc != ENOSYS {
		return EINVAL
	}
	return rc
}
