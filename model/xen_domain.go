package model

// AdoptGuest makes the hypervisor take over the guest's start-of-day memory. It
// audits the tables under root as the domain builder's last hypercalls do, which
// pin it and load it (Xen: the end of dom0_construct_pv; libxc: pin_table and
// arch_setup_bootlate).
func (s *State) AdoptGuest(root Frame) Errno {
	for f := range s.info {
		s.info[f] = FrameInfo{}
		if s.L.Map.IsGuest(Frame(f)) {
			s.info[f] = FrameInfo{Flags: Allocated, G: 1}
		}
	}
	for n, x := range s.L.Hyper.Extra {
		if x.Kind == XenOwned && s.rules.mutant.XenFramesOwned {
			s.info[s.L.Map.Guest()+n] = FrameInfo{Flags: Allocated, G: 1}
		}
		if x.Kind == SharedInfo {
			// Given to the guest for writing (Xen: share_xen_page_with_guest).
			f := s.L.Map.Guest() + n
			s.info[f] = FrameInfo{Typ: TypeWritable, Flags: Allocated | Validated, T: 1, G: 1}
		}
	}
	s.GDT = s.GDT[:0]
	s.dealings.reset()
	s.strictM2P, s.storesOff = false, s.L.Hyper.StoresOnRequest
	s.CPU.UserCR3 = NoFrame
	s.Commit()
	mfn := s.L.Map.MFN(root)
	s.CPU.CR3 = NoFrame
	rc := s.pin(s.L.Geo.Levels, mfn)
	if rc == OK {
		rc = s.newBaseptr(mfn)
	}
	s.Commit()
	return rc
}
