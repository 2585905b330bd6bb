package model

// What processors do to each other inside hypercalls, where a schedule can switch
// there.

// lock keeps a table a table while its entry is changed (Xen: page_lock). The lock
// is worth one use of the type.
func (s *State) lock(f Frame) {
	s.touch(f).T++
	s.locked[s.running] = f + 1
	s.gap()
}

// unlock ends that. It must not be the last use, because it does not clean up (Xen:
// page_unlock).
func (s *State) unlock(f Frame) {
	s.touch(f).T--
	s.locked[s.running] = 0
	s.wake()
}

// modLocked replaces an entry of a table in use under the table's lock.
func (s *State) modLocked(f Frame, level, slot int, e Entry, keepAD bool) Errno {
	s.lock(f)
	mark := s.mark()
	rc := s.settle(mark, s.modEntry(f, level, slot, e, keepAD))
	s.unlock(f)
	return rc
}

// waitForLock keeps whoever gives up the last use beside a lock from going on
// before the lock is released (Xen: the loop of _put_page_type, since XSA-242).
func (s *State) waitForLock(f Frame) {
	for s.isLocked(f) && s.info[f].T == 2 && !s.rules.mutant.UnlockDropsLast {
		if !s.wait() {
			return
		}
	}
}

// isLocked reports whether a processor changes an entry of a table.
func (s *State) isLocked(f Frame) bool { return s.locked[0] == f+1 || s.locked[1] == f+1 }

// flushedFirst flushes for a new type before anybody is told of it, as Xen did up
// to XSA-401, and reports whether the record is still the same afterwards. It is
// part of a mutant.
func (s *State) flushedFirst(f Frame, t Type) bool {
	i := &s.info[f]
	was := *i
	if was.Typ == t {
		return true
	}
	s.flushStale(was.Stamp)
	s.gap()
	return i.Typ == was.Typ && i.T == was.T && i.Flags == was.Flags
}
