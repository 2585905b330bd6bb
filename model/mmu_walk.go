package model

// Translation is where the MMU finds a virtual address.
type Translation struct {
	Frame  Frame // NoFrame: the tables lead outside the frames of the model
	MFN    MFN
	Offset int  // byte offset in the frame
	RW     bool // all levels grant writing
	User   bool // all levels grant user access
	NoExec bool
	Global bool
	Level  int // level of the leaf entry; 1, or 2 for a large page

	// The leaf entry itself: slot Slot of frame Table, value Entry.
	Table Frame
	Slot  int
	Entry Entry
}

// WalkFault says why a walk ended early.
type WalkFault uint8

// Reasons for a walk to fail.
const (
	WalkOK         WalkFault = iota
	WalkNotPresent           // an entry on the way is not present
	WalkReserved             // an entry has bits set that the CPU's mode reserves
	WalkNonCanon             // the address is not canonical
	WalkOutside              // a table lies outside the frames of the model
	WalkHypervisor           // the way leads through the hypervisor's slots
	WalkReadOnly             // a write, and an entry on the way is read-only
)

// Active is the geometry that the CPU walks in its current mode.
func (s *State) Active() *Geometry {
	if s.L.Boot != nil && s.CPU.CR4&CR4PAE == 0 {
		return s.L.Boot
	}
	return s.L.Geo
}

// Walk translates a virtual address by the live tables under CR3, without the
// TLB. Accessed and dirty bits are not maintained: nothing in the protocol
// depends on them, and the recordings of the original code have none.
func (s *State) Walk(va VA) (Translation, WalkFault) {
	return s.WalkFrom(s.Active(), s.CPU.CR3, va)
}

// WalkFrom translates a virtual address under a given root.
func (s *State) WalkFrom(g *Geometry, root Frame, va VA) (Translation, WalkFault) {
	t := Translation{RW: true, User: true, Table: root}
	if !g.Canonical(va) {
		return t, WalkNonCanon
	}
	for level := g.Levels; ; level-- {
		if t.Table == NoFrame {
			return t, WalkOutside
		}
		t.Level, t.Slot = level, g.Index(va, level)
		if t.Slot >= g.Slots[level] {
			return t, WalkNotPresent
		}
		if level == g.Levels && root == s.CPU.CR3 {
			t.Slot += s.CPU.RootSlot
		}
		e := s.Entry(g, t.Table, t.Slot)
		t.Entry = e
		if !e.Is(Present) {
			return t, WalkNotPresent
		}
		if e.Is(NX) && !s.CPU.NXE {
			return t, WalkReserved
		}
		if g.GrantsRights(level) {
			t.RW = t.RW && e.Is(RW)
			t.User = t.User && e.Is(User)
			t.NoExec = t.NoExec || e.Is(NX)
		}
		if level == 1 || s.leafAt(g, level, e) {
			if largeReserved(g, level, s.L.Names(e)) {
				return t, WalkReserved
			}
			s.finish(g, &t, va)
			return t, WalkOK
		}
		t.Table = s.L.Map.Frame(s.L.Names(e))
	}
}

// leafAt reports whether a present entry above L1 maps a large page in the
// CPU's mode: PDEs with PS set, and where there are pages of 1 GiB PDPTEs; a 4-byte PDE
// only while CR4.PSE is on.
func (s *State) leafAt(g *Geometry, level int, e Entry) bool {
	return level >= 2 && level <= g.Large && e.Is(PSE) && (g.Width == 8 || s.CPU.CR4&CR4PSE != 0)
}

// largeReserved reports whether a leaf above L1 has frame bits below its size
// set. The lowest of them is PAT, which chooses caching.
func largeReserved(g *Geometry, level int, m MFN) bool {
	return m&(MFN(g.Span(level)>>PageShift)-1)&^1 != 0
}

// finish fills in where a leaf entry leads.
func (s *State) finish(g *Geometry, t *Translation, va VA) {
	span := g.Span(t.Level)
	off := va & (span - 1)
	base := s.L.Names(t.Entry) &^ MFN(span>>PageShift-1)
	t.MFN = base + MFN(off>>PageShift)
	t.Frame = s.L.Map.Frame(t.MFN)
	t.Offset = int(off & (PageSize - 1))
	t.Global = t.Entry.Is(Global)
}
