package model

// mostGDTFrames bounds a guest's descriptor table (Xen:
// FIRST_RESERVED_GDT_PAGE).
const mostGDTFrames = 14

// setGDT loads the guest's descriptor table from up to 14 frames, which must not
// be mapped writable (Xen: pv_set_gdt; 3.1: set_gdt). No frames unload it.
func (s *State) setGDT(frames []MFN) Errno {
	if len(frames) > mostGDTFrames {
		return EINVAL
	}
	mark := s.mark()
	for n, m := range frames {
		if s.getPageType(s.L.Map.Frame(m), TypeSegDesc, false, false) != OK {
			for s.rules.residue && n > 0 && !s.rules.mutant.GDTKeeps {
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

// promoteSegDesc audits a frame of descriptors and corrects their privilege
// levels (Xen: validate_segdesc_page; 3.1: alloc_segdesc_page).
func (s *State) promoteSegDesc(f Frame) Errno {
	wide := s.L.Geo.SignExtend
	for w := range s.pages[f] {
		d, ok := checkDescriptor(s.Word(f, w), wide)
		if !ok {
			return EINVAL
		}
		s.SetWord(f, w, d)
	}
	return OK
}

// Bits of the upper half of a segment descriptor (Intel SDM vol. 3, 3.4.5).
const (
	segBase     = 0xff0000ff
	segDPL      = 3 << 13
	segPresent  = 1 << 15
	segNoSystem = 1 << 12
	segType     = 15 << 8
	segGate     = 12 << 8
	segLong     = 1 << 21
	segGranular = 1 << 23
)

// checkDescriptor returns a segment descriptor as Xen lets the guest have it
// (Xen: check_descriptor). wide says that the guest is a 64-bit one, whose
// kernel runs at privilege level 3; that of a 32-bit guest runs at level 1.
func checkDescriptor(d uint64, wide bool) (uint64, bool) {
	a, b := uint32(d), uint32(d>>32)
	if b&segPresent == 0 {
		return d, true
	}
	level := uint32(1)
	if wide {
		level = 3
	}
	level = max(level, b>>13&3)
	b = b&^segDPL | level<<13
	switch {
	case b&segNoSystem != 0:
		if wide {
			break
		}
		if b&segLong != 0 {
			return d, false
		}
		a, b = widenSegment(a, b)
	case b&segType == 0:
		// The second half of a call gate: as it is.
		return d, true
	case b&segType != segGate || !gateSelector(a>>16, wide):
		return d, false
	default:
		// A call gate always faults, and keeps its level in the selector.
		b &^= segDPL
		a = a&^(3<<16) | level<<16
		reserved := uint32(0xe0)
		if wide {
			reserved = 0xff
		}
		if b&reserved != 0 {
			return d, false
		}
	}
	return uint64(b)<<32 | uint64(a), true
}

// widenSegment makes the limit of an old guest's flat segment cover Xen's table
// of frame numbers.
func widenSegment(a, b uint32) (uint32, uint32) {
	const hole = 0xf5800000 // Xen: HYPERVISOR_COMPAT_VIRT_START
	limit := uint64(b&0xf0000|a&0xffff) + 1
	if b&segGranular != 0 {
		limit <<= PageShift
	}
	if b&segBase == 0 && a>>16 == 0 && limit > hole {
		return a | 0xffff, b | 0xf0000
	}
	return a, b
}

// gateSelector reports whether a call gate may lead to a code selector (Xen:
// guest_gate_selector_okay).
func gateSelector(sel uint32, wide bool) bool {
	flat := uint32(0xe019)
	if wide {
		flat = 0xe033
	}
	return sel>>3 < mostGDTFrames*512 || sel == flat || sel&4 != 0
}
