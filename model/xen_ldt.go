package model

import "encoding/binary"

// LDT is the guest's local descriptor table as the hypervisor knows it: a linear
// address, and the frame behind it once a descriptor has been used. The zero
// value stands for none.
type LDT struct {
	Base    VA
	Entries int   // number of descriptors, 0: no table
	Mapped  bool  // Frame is in use
	Frame   Frame // the frame found behind Base, held as descriptors
}

// mostLDTEntries bounds a descriptor table (Xen: the check in MMUEXT_SET_LDT).
const mostLDTEntries = 8192

// SetLDT is MMUEXT_SET_LDT, with a linear address and a number of descriptors; on
// bare metal, lldt with a descriptor of such a table. Nothing is looked at yet:
// frames are found when they are used. No entries unload the table.
func (m *Machine) SetLDT(base VA, entries int) Errno {
	m.pause()
	rc, granted := OK, true
	if m.L.Hyper != nil { // on bare metal it is an instruction
		rc, granted = m.ask(OpSetLDT)
	}
	if granted {
		rc = m.setLDT(base, entries)
	}
	m.emit(Step{Op: OpSetLDT, Errno: rc, VA: base, Value: uint64(entries)})
	return rc
}

// setLDT notes where the table is (Xen: the case MMUEXT_SET_LDT of do_mmuext_op).
func (s *State) setLDT(base VA, entries int) Errno {
	if entries > 0 && (base&(PageSize-1) != 0 || entries > mostLDTEntries || !s.guestAddress(base)) {
		return EINVAL
	}
	s.dropLDT()
	s.LDT = LDT{Base: base, Entries: entries}
	if entries == 0 {
		s.LDT.Base = 0
	}
	return OK
}

// guestAddress reports whether an address is one that a 64-bit guest may name (Xen:
// __addr_ok); a 32-bit one has no others.
func (s *State) guestAddress(va VA) bool {
	g := s.L.Geo
	return !g.SignExtend || g.Canonical(va) && !s.L.XenSlot(g.Levels, g.Index(va, g.Levels), false)
}

// UseLDT has the processor load a descriptor of the LDT. Under a hypervisor the
// frame is found through the current tables and must not be writable; where it
// cannot be had, the guest sees a page fault at the table's linear address (Xen:
// handle_ldt_mapping_fault, map_ldt_shadow_page).
func (m *Machine) UseLDT() {
	m.pause()
	if m.L.Hyper == nil {
		m.translate(m.LDT.Base, access{})
		m.emit(Step{Op: OpUseLDT, VA: m.LDT.Base})
		return
	}
	for tries := 0; !m.mapLDT(); tries++ {
		m.fault(PageFault{VA: m.LDT.Base}, tries)
	}
	m.emit(Step{Op: OpUseLDT, VA: m.LDT.Base, Frame: m.LDT.Frame})
}

// mapLDT finds the frame of the LDT and takes references to it.
func (s *State) mapLDT() bool {
	if s.LDT.Mapped {
		return true
	}
	f := s.leafTable(s.LDT.Base)
	if f == NoFrame {
		return false
	}
	e := s.Entry(s.L.Geo, f, s.L.Geo.Index(s.LDT.Base, 1))
	page := s.L.Map.Frame(e.MFN())
	if !e.Is(Present) || page == NoFrame {
		return false
	}
	mark := s.mark()
	if rc := s.getPageType(page, TypeSegDesc, false, false); rc != OK {
		s.settle(mark, rc)
		return false
	}
	s.LDT.Frame, s.LDT.Mapped = page, true
	return true
}

// dropLDT gives the frame of the LDT up: it is found again at its next use (Xen:
// invalidate_shadow_ldt).
func (s *State) dropLDT() {
	if s.LDT.Mapped {
		f := s.LDT.Frame
		s.LDT.Mapped, s.LDT.Frame = false, 0
		s.putPageType(f, NoFrame, false)
	}
}

func (s *State) packLDT(dst []byte) []byte {
	dst = append(dst, bit(s.LDT.Entries > 0, 0)|bit(s.LDT.Mapped, 1))
	if s.LDT.Entries == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(s.LDT.Base))
	dst = binary.AppendUvarint(dst, uint64(s.LDT.Entries))
	return putFrame(dst, s.LDT.Frame)
}

func (s *State) unpackLDT(src []byte) []byte {
	a := src[0]
	src, s.LDT = src[1:], LDT{}
	if a&1 == 0 {
		return src
	}
	v, n := binary.Uvarint(src)
	e, k := binary.Uvarint(src[n:])
	s.LDT = LDT{Base: VA(v), Entries: int(e), Mapped: a&2 != 0}
	s.LDT.Frame, src = takeFrame(src[n+k:])
	return src
}
