package model

// The slots of tables that are Xen's own. The guest can read them, and copy them.

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
		if !s.L.XenSlot(level, slot, special) || s.rules.mutant.SlotsTrusted && s.Entry(s.rules.geo, f, slot) != 0 {
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
	if h := s.L.Hyper; h.XenOnLoad != 0 && !s.strictM2P && !s.rules.mutant.ListMissing {
		s.SetEntry(s.rules.geo, f, h.XenFirst, h.XenOnLoad)
	}
}

// hideM2P takes the entry away from a root that is loaded for user mode (Xen:
// zap_ro_mpt).
func (s *State) hideM2P(f Frame) {
	if h := s.L.Hyper; h.XenOnLoad != 0 && s.strictM2P && !s.rules.mutant.ListStays {
		s.SetEntry(s.rules.geo, f, h.XenFirst, 0)
	}
}
