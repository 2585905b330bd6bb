package model

// Tables as a whole: audit on promotion, release on demotion.

// promote audits a frame whose record says a type but not yet Validated (Xen:
// validate_page).
func (s *State) promote(f Frame) Errno {
	var rc Errno
	level := s.info[f].Typ.Level()
	switch {
	case level == 0:
		rc = s.promoteSegDesc(f)
	case level == 1:
		rc = s.promoteL1(f)
	default:
		rc = s.promoteUpper(f, level)
	}
	if judge := s.rules.mutant.Audited; judge != nil {
		rc = judge(level, rc)
	}
	switch {
	case rc == OK:
		i := s.touch(f)
		i.Flags = i.Flags&^PartialEntry | Validated
		i.NrValid = 0
	case rc == ERESTART:
		s.promotePaused(f)
	case rc == EINTR:
		s.touch(f).T = 0 // as if it had not begun (Xen: validate_page)
	case !s.rules.residue:
		// The caller rolls back.
	case f == s.abandoned.table:
		i := s.touch(f)
		i.G++
		i.Flags |= Partial
	default:
		i := s.touch(f)
		i.Typ, i.T, i.NrValid = TypeNone, 0, 0
		i.Flags &= Allocated | ForDevice
	}
	return rc
}

// nextPresent returns the first slot from a slot on, before end, whose entry is
// present; end if there is none.
func (s *State) nextPresent(f Frame, slot, end int) int {
	p := s.pages[f]
	if p == nil {
		return end
	}
	if s.rules.geo.Width == 8 {
		for slot < end && p[slot]&uint64(Present) == 0 {
			slot++
		}
		return slot
	}
	for ; slot < end; slot++ {
		if p[slot/2]>>(32*(slot&1))&uint64(Present) != 0 {
			return slot
		}
		if slot&1 == 0 && p[slot/2] == 0 {
			slot++
		}
	}
	return min(slot, end)
}

// promoteL1 audits a leaf table (Xen: promote_l1_table; 3.1: alloc_l1_table).
func (s *State) promoteL1(f Frame) Errno {
	g := s.rules.geo
	end := g.Slots[1]
	for slot := s.nextAudited(f, 1, 0); slot < end; slot = s.nextAudited(f, 1, slot+1) {
		e := s.Entry(g, f, slot)
		var flip Entry
		var rc Errno
		switch {
		case e.Is(Present):
			flip, rc = s.getLeaf(e)
		case s.leaks(ByAudit, 1, e):
			if rc = EINTR; s.rules.mutant.NonPresentStops {
				return ERESTART
			}
		default:
			continue
		}
		if rc != OK {
			if s.rules.residue || rc == EINTR {
				s.putLeaves(f, slot)
			}
			return rc
		}
		if n := s.rules.adjust(ByAudit, 1, e^flip); n != e {
			s.SetEntry(g, f, slot, n)
		}
	}
	return OK
}

// putLeaves gives back what the first entries of a leaf table hold (Xen:
// demote_l1_table; 3.1: free_l1_table).
func (s *State) putLeaves(f Frame, end int) {
	for slot := s.nextPresent(f, 0, end); slot < end; slot = s.nextPresent(f, slot+1, end) {
		s.putLeaf(s.Entry(s.rules.geo, f, slot))
	}
}

// promoteUpper audits a table above level 1, from where an earlier audit
// stopped (Xen: promote_l2_table to promote_l4_table; 3.1: alloc_l2_table to
// alloc_l4_table).
func (s *State) promoteUpper(f Frame, level int) Errno {
	r, g := s.rules, s.rules.geo
	special := -1
	if level == g.Root() {
		special = r.special
	}
	if special >= 0 {
		s.clearTail(f)
		if r.closedRoot && s.pages[f] == nil {
			return EINVAL
		}
	}
	i := &s.info[f]
	first, xen, held := int(i.NrValid), i.Is(PAEXenL2), i.Is(PartialEntry)
	end := g.Slots[level]
	for slot := s.nextAudited(f, level, first); slot < end; slot = s.nextAudited(f, level, slot+1) {
		if slot > first && asks(level) && s.preempted() {
			return s.pauseAudit(f, slot, false, false)
		}
		must := slot == special && r.closedRoot
		if s.L.XenSlot(level, slot, xen) || !must && s.harmless(f, level, slot) {
			continue
		}
		held := held && slot == first
		rc := s.promoteEntry(f, level, slot, slot == special, held)
		if rc == ERESTART || rc == EINTR {
			return s.pauseAudit(f, slot, rc == ERESTART || held, rc == EINTR && held)
		}
		if rc != OK {
			return rc
		}
	}
	s.fillXenSlots(f, level)
	return OK
}

// nextAudited is the first slot of a table, from a slot on, at which an audit has
// something to do: to look at an entry, or to ask whether it must stop, which it
// does before every slot.
func (s *State) nextAudited(f Frame, level, slot int) int {
	end := s.rules.geo.Slots[level]
	next := slot
	switch {
	case s.preempt != 0 && asks(level):
	case s.rules.l1tf:
		next = s.NextUsed(s.rules.geo, f, slot, end)
	default:
		next = s.nextPresent(f, slot, end)
	}
	if special := s.rules.special; s.rules.closedRoot && level == s.rules.geo.Root() && slot <= special {
		return min(next, special)
	}
	return min(next, end)
}

// harmless reports whether an entry is absent and may be there.
func (s *State) harmless(f Frame, level, slot int) bool {
	e := s.Entry(s.rules.geo, f, slot)
	return !e.Is(Present) && !s.vulnerable(ByAudit, level, e)
}

// promoteEntry takes the references of an entry of a table that is audited. held
// says that the entry has a general reference from an earlier attempt.
func (s *State) promoteEntry(f Frame, level, slot int, special, held bool) (rc Errno) {
	e := s.Entry(s.rules.geo, f, slot)
	switch {
	case special:
		rc = s.getSpecial(e, held)
	case !e.Is(Present):
		s.leaks(ByAudit, level, e)
		return EINTR
	default:
		rc = s.getUpper(e, f, level, held)
	}
	switch {
	case rc == ERESTART && !held && !s.rules.mutant.PartialUnreferenced:
		// The entry keeps a general reference of its own (Xen: PTF_retain_ref).
		s.touch(s.L.Map.Frame(e.MFN())).G++
		return rc
	case rc == ERESTART || rc == EINTR:
		return rc
	case rc != OK:
		s.abandon(f, level, slot, held, e)
		return rc
	}
	if n := s.rules.adjust(ByAudit, level, e); n != e {
		s.SetEntry(s.rules.geo, f, slot, n)
	}
	return OK
}

// getSpecial takes the references of the last root entry of a PAE guest, which
// must name an L2 of its own (Xen: promote_l3_table, pae_xen_mappings_check;
// 3.1: create_pae_xen_mappings).
func (s *State) getSpecial(e Entry, held bool) Errno {
	if !e.Is(Present) || e&s.rules.disallow[s.rules.geo.Root()] != 0 {
		return EINVAL
	}
	f := s.L.Map.Frame(e.MFN())
	if rc := s.getPageType(f, TypeL2, true, held); rc != OK {
		return rc
	}
	if s.info[f].T != 1 {
		s.forget(ForgetSharedL2, f)
		return EINVAL
	}
	return OK
}

// clearTail zeroes what lies behind the entries of a PAE root, because a 64-bit
// hypervisor's MMU would see it (Xen: the memset in promote_l3_table).
func (s *State) clearTail(f Frame) {
	if !s.rules.modern {
		return
	}
	for w := s.rules.geo.Slots[s.rules.geo.Root()]; w < len(s.pages[f]); w++ {
		s.SetWord(f, w, 0)
	}
}

// demote gives back all references that a table's entries hold; was are the
// flags of its record before (Xen: demote_l1_table to demote_l4_table; 3.1:
// free_l1_table to free_l4_table).
func (s *State) demote(f Frame, was FrameFlags) Errno {
	level := s.info[f].Typ.Level()
	g := s.rules.geo
	if level == 1 {
		s.putLeaves(f, g.Slots[1])
		return OK
	}
	if s.preempt != 0 {
		return s.demoteInSteps(f, level, was)
	}
	// Of an unfinished audit, the entries before NrValid hold references, and
	// the one there may hold a general one.
	end, half := g.Slots[level], -1
	if was&Partial != 0 {
		end = int(s.info[f].NrValid)
		if was&PartialEntry != 0 {
			half = end
			end++
		}
	}
	drop := s.rules.drop
	if level != g.Root() || s.rules.mutant.ReleasedAdjusted {
		drop = 0
	}
	for slot := s.nextPresent(f, 0, end); slot < end; slot = s.nextPresent(f, slot+1, end) {
		if s.L.XenSlot(level, slot, was&PAEXenL2 != 0) {
			continue
		}
		e := s.Entry(g, f, slot)
		if held, _ := s.putUpper(e, f, slot == half); held && e&drop != 0 {
			s.SetEntry(g, f, slot, e&^drop)
		}
	}
	if was&PAEXenL2 != 0 {
		s.touch(f).Flags &^= PAEXenL2
	}
	return OK
}
