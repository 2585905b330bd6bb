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
	switch {
	case rc == OK:
		i := s.touch(f)
		i.Flags = i.Flags&^PartialEntry | Validated
		i.NrValid = 0
	case !s.rules.residue:
		// The caller rolls back.
	case f == s.stuck.table:
		i := s.touch(f)
		i.G++
		i.Flags |= Partial
	default:
		i := s.touch(f)
		i.Typ, i.T, i.NrValid = TypeNone, 0, 0
		i.Flags &= Allocated
	}
	return rc
}

// promoteL1 audits a leaf table (Xen: promote_l1_table; 3.1: alloc_l1_table).
func (s *State) promoteL1(f Frame) Errno {
	if s.pages[f] == nil {
		return OK
	}
	g := s.rules.geo
	for slot := 0; slot < g.Slots[1]; slot++ {
		e := s.Entry(g, f, slot)
		if e&Present == 0 {
			continue
		}
		flip, rc := s.getLeaf(e)
		if rc != OK {
			for s.rules.residue && slot > 0 {
				slot--
				s.putLeaf(s.Entry(g, f, slot))
			}
			return rc
		}
		if n := s.rules.adjust(1, e^flip); n != e {
			s.SetEntry(g, f, slot, n)
		}
	}
	return OK
}

// promoteUpper audits a table above level 1, from where an earlier audit
// stopped (Xen: promote_l2_table to promote_l4_table; 3.1: alloc_l2_table to
// alloc_l4_table).
func (s *State) promoteUpper(f Frame, level int) Errno {
	r, g := s.rules, s.rules.geo
	root := level == g.Root()
	if root && r.special >= 0 {
		s.clearTail(f)
	}
	if s.pages[f] != nil {
		i := &s.info[f]
		xen, held := i.Is(PAEXenL2), i.Is(PartialEntry)
		for slot := int(i.NrValid); slot < g.Slots[level]; slot, held = slot+1, false {
			e := s.Entry(g, f, slot)
			special := root && slot == r.special
			if e&Present == 0 && !(special && r.closedRoot) || s.L.XenSlot(level, slot, xen) {
				continue
			}
			var rc Errno
			if special {
				rc = s.getSpecial(e, held)
			} else {
				rc = s.getUpper(e, f, level, held)
			}
			if rc != OK {
				s.abandon(f, level, slot, held, e)
				return rc
			}
			if n := r.adjust(level, e); n != e {
				s.SetEntry(g, f, slot, n)
			}
		}
	} else if root && r.closedRoot {
		return EINVAL
	}
	s.fillXenSlots(f, level)
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
		// The real one forgets the reference that it has just taken.
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

// fillXenSlots writes Xen's own entries into a table that has just been audited
// (Xen: init_xen_l4_slots, init_xen_pae_l2_slots).
func (s *State) fillXenSlots(f Frame, level int) {
	h := s.L.Hyper
	if level != h.XenLevel || len(h.XenEntries) == 0 {
		return
	}
	special := s.info[f].Is(PAEXenL2)
	for n, e := range h.XenEntries {
		slot := h.XenFirst + n
		if !s.L.XenSlot(level, slot, special) {
			continue
		}
		switch {
		case slot == h.XenSelf:
			e = MakeEntry(s.L.Map.MFN(f), e)
		case n == 0 && s.strictM2P:
			e = h.XenOnLoad
		}
		s.SetEntry(s.rules.geo, f, slot, e)
	}
}

// showM2P gives a root that is loaded for the kernel the entry of Xen's list of
// frames (Xen: fill_ro_mpt).
func (s *State) showM2P(f Frame) {
	if h := s.L.Hyper; h.XenOnLoad != 0 && !s.strictM2P {
		s.SetEntry(s.rules.geo, f, h.XenFirst, h.XenOnLoad)
	}
}

// hideM2P takes the entry away from a root that is loaded for user mode (Xen:
// zap_ro_mpt).
func (s *State) hideM2P(f Frame) {
	if h := s.L.Hyper; h.XenOnLoad != 0 && s.strictM2P {
		s.SetEntry(s.rules.geo, f, h.XenFirst, 0)
	}
}

// demote gives back all references that a table's entries hold; was are the
// flags of its record before (Xen: demote_l1_table to demote_l4_table; 3.1:
// free_l1_table to free_l4_table).
func (s *State) demote(f Frame, was FrameFlags) {
	level := s.info[f].Typ.Level()
	if s.pages[f] == nil {
		s.touch(f).Flags &^= PAEXenL2
		return
	}
	r, g := s.rules, s.rules.geo
	if level == 1 {
		for slot := 0; slot < g.Slots[1]; slot++ {
			s.putLeaf(s.Entry(g, f, slot))
		}
		return
	}
	last, half := g.Slots[level]-1, false
	if was&Partial != 0 {
		half = was&PartialEntry != 0
		last = int(s.info[f].NrValid) - 1
		if half {
			last++
		}
	}
	drop := r.drop
	if level != g.Root() {
		drop = 0
	}
	for slot := last; slot >= 0; slot, half = slot-1, false {
		e := s.Entry(g, f, slot)
		if e&Present == 0 || s.L.XenSlot(level, slot, was&PAEXenL2 != 0) {
			continue
		}
		if s.putUpper(e, f, half) && e&drop != 0 {
			s.SetEntry(g, f, slot, e&^drop)
		}
	}
	if was&PAEXenL2 != 0 {
		s.touch(f).Flags &^= PAEXenL2
	}
}
