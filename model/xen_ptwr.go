package model

// emulateStore carries out a store of 4 or 8 bytes that faulted on a read-only
// page (Xen: pv_ro_page_fault, ptwr_emulated_update; 3.1: ptwr_do_page_fault).
// Only entries of leaf tables in use can be stored to. locked says that the store
// is part of a locked read-modify-write. mine says that the hypervisor took the
// store up; otherwise, as after a refusal, the guest sees its page fault.
func (s *State) emulateStore(t *Translation, width int, v uint64, locked bool) (rc Errno, mine bool) {
	aligned := t.Offset&(width-1) == 0
	if s.storesOff || s.L.Hyper.StoresOnRequest && s.rules.mutant.StoresNever || t.Level != 1 || t.Entry.Is(RW) || !aligned && !locked {
		return OK, false
	}
	if t.Frame == NoFrame {
		// Stores to read-only devices are lost (Xen: mmio_ro_do_page_fault).
		return OK, s.rules.modern && !locked && s.L.Hyper.region(t.MFN) == DeviceReadOnly
	}
	if !s.ours(t.Frame) {
		return OK, false
	}
	if i := &s.info[t.Frame]; !i.InUseAs(TypeL1) || !i.Is(Validated) && !s.rules.mutant.StoresUnaudited {
		return OK, false
	}
	if s.rules.modern && locked && s.LoadFrame(t.Frame, t.Offset, width) == v {
		return OK, true // the emulator leaves out stores that change nothing
	}
	g := s.rules.geo
	slot := t.Offset / g.Width
	if !aligned || slot >= g.Slots[1] || width > g.Width {
		return OK, false
	}
	old := s.Entry(g, t.Frame, slot)
	e := Entry(v)
	if width < g.Width {
		// Xen reads the rest of the entry, through the same mapping.
		s.accessed(t.Table, t.Level, t.Slot, Accessed)
		shift := 8 * uint(t.Offset&(g.Width-1))
		e = old&^(0xffff_ffff<<shift) | Entry(uint32(v))<<shift
	}
	upper := !locked && width == 4 && (t.Offset&4 != 0) != s.rules.mutant.WrongHalf && g.Width == 8 && !g.SignExtend
	by := ByStore
	if locked {
		by = ByLocked
	}
	return s.emulateEntry(t.Frame, slot, old, e, upper, by), true
}

// emulateEntry checks and stores the entry that an emulated store makes. There
// is no fast path. upper says that the store wrote the upper half of a PAE entry
// alone: the guest is taken to write the halves in the wrong order, and an
// entry that cannot be granted is stored as not present.
func (s *State) emulateEntry(f Frame, slot int, old, e Entry, upper bool, by Path) Errno {
	mark := s.mark()
	if !e.Is(Present) && s.leaks(by, 1, e) {
		return ERESTART
	}
	if e.Is(Present) {
		flip, rc := s.getLeaf(e)
		switch {
		case rc == OK:
			e = s.rules.adjust(by, 1, e^flip)
		case upper:
			s.rollback(mark)
			e &^= Present
		default:
			return s.settle(mark, rc)
		}
	}
	s.SetEntry(s.rules.geo, f, slot, e)
	s.putLeaf(old)
	return OK
}

// emulateAt carries out an emulated store of a whole entry that is known by its place (see
// [Machine.EmulateAt]).
func (s *State) emulateAt(f Frame, slot int, e Entry) Errno {
	if !s.ours(f) || !s.info[f].InUseAs(TypeL1) || !s.info[f].Is(Validated) || slot >= s.rules.geo.Slots[1] {
		return EINVAL
	}
	return s.emulateEntry(f, slot, s.Entry(s.rules.geo, f, slot), e, false, ByStore)
}
