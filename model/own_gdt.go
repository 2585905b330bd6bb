package model

// setGDT loads the guest's descriptor table from up to 16 frames, which must not
// be mapped writable (Xen: pv_set_gdt; 3.1: set_gdt). No frames unload it.
func (s *State) setGDT(frames []MFN) Errno {
	const most = 14 // Xen: FIRST_RESERVED_GDT_PAGE
	if len(frames) > most {
		return EINVAL
	}
	mark := s.mark()
	for n, m := range frames {
		if s.getPageType(s.L.Map.Frame(m), TypeSegDesc, false, false) != OK {
			for s.rules.residue && n > 0 {
				n--
				s.putPageType(s.L.Map.Frame(frames[n]), NoFrame, false)
			}
			return s.settle(mark, EINVAL)
		}
	}
	for _, f := range s.GDT {
		s.putPageType(f, NoFrame, false)
	}
	s.GDT = s.GDT[:0]
	for _, m := range frames {
		s.GDT = append(s.GDT, s.L.Map.Frame(m))
	}
	s.flushAll()
	return OK
}

// promoteSegDesc audits a frame of descriptors (Xen: validate_segdesc_page).
func (s *State) promoteSegDesc(f Frame) Errno { return OK }
