package model

// Updates of single entries.

// modEntry replaces an entry of a table in use (Xen: mod_l1_entry to
// mod_l4_entry). The new entry gets its references before the old one gives up
// its own, so both must be legal at once. keepAD keeps the old accessed and
// dirty bits (Xen: MMU_PT_UPDATE_PRESERVE_AD).
func (s *State) modEntry(f Frame, level, slot int, e Entry, keepAD bool) Errno {
	r, g := s.rules, s.rules.geo
	if rc := s.updatable(f, level, slot); rc != OK {
		return rc
	}
	old := s.Entry(g, f, slot)
	if !e.Is(Present) && s.leaks(ByUpdate, level, e) {
		return ERESTART
	}
	if e.Is(Present) {
		if e&r.disallow[level]&^r.mutant.Unmasked != 0 {
			return EINVAL
		}
		asked := e
		e = r.adjusted(level, e)
		if s.fastPath(level, old, e) {
			s.store(f, slot, old, r.adjust(ByFastPath, level, asked), keepAD)
			s.edited(level)
			return OK
		}
		if level > 1 {
			if rc := s.getUpper(asked, f, level, false); rc != OK {
				return rc
			}
		} else {
			flip, rc := s.getLeaf(e)
			if rc != OK {
				return rc
			}
			e ^= flip
		}
		if r.mutant.Stored != nil {
			e = r.mutant.Stored(ByUpdate, level, asked, e)
		}
	}
	s.store(f, slot, old, e, keepAD)
	s.edited(level)
	if level > 1 {
		s.putUpper(old, f, false)
	} else {
		s.putLeaf(old)
	}
	return OK
}

// fastPath reports whether a present entry may replace another one as it is:
// they differ in flags only that mean nothing to the references held (Xen:
// the comparisons with FASTPATH_FLAG_WHITELIST in mod_l1_entry to mod_l4_entry).
func (s *State) fastPath(level int, old, now Entry) bool {
	if s.rules.mutant.FastPath != nil {
		return s.rules.mutant.FastPath(s, level, old, now)
	}
	return (old^now)&^s.rules.benign[level] == 0
}

// updatable checks that a slot of a table is the guest's to change.
func (s *State) updatable(f Frame, level, slot int) Errno {
	r := s.rules
	switch {
	case slot >= r.geo.Slots[level]:
		return EINVAL
	case r.special >= 0 && level == r.geo.Root() && slot >= r.special:
		return EINVAL
	case s.L.XenSlot(level, slot, s.info[f].Is(PAEXenL2)) && !(r.mutant.SlotUpdated && slot == s.L.Hyper.XenFirst):
		if level == 2 {
			return EPERM
		}
		return EINVAL
	}
	return OK
}

// store writes an entry. Accessed and dirty bits that are to be kept are those of the
// last moment: the real one compares and swaps until none has been set in between
// (Xen: update_intpte).
func (s *State) store(f Frame, slot int, old, e Entry, keepAD bool) {
	if keepAD {
		s.gap()
	}
	if keepAD && !s.rules.mutant.ForgetsUse {
		if !s.rules.mutant.LateUse {
			old = s.Entry(s.rules.geo, f, slot)
		}
		e |= old & (Accessed | Dirty)
	}
	s.SetEntry(s.rules.geo, f, slot, e)
}

// mmuUpdate carries out one item of the hypercall mmu_update (Xen:
// do_mmu_update). A frame in use as a table gets its entry checked; a frame that
// is in no use, or only mapped, gets an unchecked store.
func (s *State) mmuUpdate(ptr uint64, val Entry) Errno {
	cmd := ptr & uint64(s.rules.geo.Width-1)
	f := s.L.Map.Frame(MFN(ptr >> PageShift))
	switch {
	case cmd > 3 || cmd > 1 && !s.rules.modern:
		return ENOSYS
	case !s.ours(f):
		return EINVAL
	case cmd == MMUMachPhys: // Xen's own table of frame numbers
		return s.m2pUpdate(f, val)
	}
	slot := int(ptr&(PageSize-1)) / s.rules.geo.Width
	i := &s.info[f]
	if i.T == 0 {
		s.getType(f, TypeWritable, false)
		s.storeRaw(f, slot, val)
		s.putType(f, NoFrame, false)
		return OK
	}
	if !i.Is(Validated) && !s.rules.mutant.UpdatesUnaudited {
		return EINVAL
	}
	level := i.Typ.Level()
	switch {
	case level > 0:
		if s.pause != nil {
			return s.modLocked(f, level, slot, val, cmd == MMUPreserveAD)
		}
		mark := s.mark()
		return s.settle(mark, s.modEntry(f, level, slot, val, cmd == MMUPreserveAD))
	case i.Typ == TypeWritable:
		s.storeRaw(f, slot, val)
		return OK
	}
	return EINVAL
}

// storeRaw writes an entry to a frame that is no table. Words beyond what a
// table can hold are not modelled.
func (s *State) storeRaw(f Frame, slot int, e Entry) {
	if slot*s.rules.geo.Width < s.L.words()*8 {
		s.SetEntry(s.rules.geo, f, slot, e)
	}
}

// updateVAMapping carries out the hypercall update_va_mapping (Xen:
// __do_update_va_mapping): it changes the leaf entry behind va in the current
// tables, without creating any. It returns the place of the entry, or NoFrame.
func (s *State) updateVAMapping(va VA, val Entry, flush UVMF) (Frame, int, Errno) {
	g := s.rules.geo
	f := s.leafTable(va)
	if f == NoFrame || !s.updatableLeaf(f) {
		if s.rules.mutant.FlushesAnyway && flush == UVMFInvlpg && !g.Canonical(va) {
			s.fatal = FatalFlush
		}
		return NoFrame, 0, EINVAL
	}
	slot := g.Index(va, 1)
	rc := s.settle(s.mark(), s.modEntry(f, 1, slot, val, false))
	if rc == OK {
		switch flush {
		case UVMFFlush:
			s.flushAll()
		case UVMFInvlpg:
			s.TLB.flushPage(va &^ (PageSize - 1))
		}
	}
	return f, slot * g.Width, rc
}

// updatableLeaf reports whether a frame is a leaf table whose entries
// update_va_mapping may change.
func (s *State) updatableLeaf(f Frame) bool {
	return s.ours(f) && s.info[f].Is(Validated) && s.info[f].InUseAs(TypeL1) || s.rules.mutant.UncheckedLeafTable
}

// leafTable returns the frame where the current tables look for the leaf entry
// of va, NoFrame if they lead nowhere (Xen: map_guest_l1e).
func (s *State) leafTable(va VA) Frame {
	g := s.rules.geo
	f := s.CPU.CR3
	if s.dealings.userMode {
		f = s.CPU.UserCR3
	}
	if !g.Canonical(va) {
		return NoFrame
	}
	if s.L.Hyper.LinearMap {
		return s.leafThroughMap(f, va)
	}
	for level := g.Levels; level > 1; level-- {
		slot := g.Index(va, level)
		if f == NoFrame || slot >= g.Slots[level] || s.L.XenSlot(level, slot, s.info[f].Is(PAEXenL2)) {
			return NoFrame
		}
		e := s.Entry(g, f, slot)
		if !e.Is(Present) || level == 2 && e.Is(PSE) {
			return NoFrame
		}
		if level > 2 {
			// Xen looks through the tables, and its processor leaves traces.
			s.accessed(f, level, slot, Accessed)
		}
		f = s.L.Map.Frame(e.MFN())
	}
	return f
}
