package model

// What processors do to each other inside hypercalls. Where a schedule cannot
// switch there, nothing of this costs anything.

// lock keeps a table a table while its entry is changed (Xen: page_lock). The lock
// is worth one use of the type.
func (s *State) lock(f Frame) {
	if s.pause == nil {
		return
	}
	s.touch(f).T++
	s.locked |= 1 << uint(f)
	s.gap()
}

// unlock ends that. It must not be the last use, because it does not clean up (Xen:
// page_unlock).
func (s *State) unlock(f Frame) {
	if s.locked>>uint(f)&1 == 0 {
		return
	}
	s.touch(f).T--
	s.locked &^= 1 << uint(f)
	s.wake()
}

// waitForLock keeps whoever gives up the last use beside a lock from going on
// before the lock is released (Xen: the loop of _put_page_type, since XSA-242).
func (s *State) waitForLock(f Frame) {
	for s.locked>>uint(f)&1 != 0 && s.info[f].T == 2 && !s.rules.mutant.UnlockDropsLast {
		if !s.wait() {
			return
		}
	}
}

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
