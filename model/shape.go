package model

// Shape says which tables of a bare machine map its low memory, in the direct map or in the low
// mapping that the machine starts with, and where: as a frame of low memory lies at an address
// that follows from its number, it is more than its contents and what names it that tells two
// frames apart. A block is the low memory that one leaf table maps.
type Shape struct {
	leaves []leafTable
	of     []uint8 // by frame: 1 + its place in leaves; 0: it is no such table
	alone  uint64  // blocks, by bit, of which a root maps no table, or a large page
	per    PFN     // frames of a block
}

// leafTable is an L1 that maps a block.
type leafTable struct {
	geo   *Geometry
	table Frame
	block uint8
	roles uint8 // below which roots, and in which of their mappings, by bit
}

// Roots below which tables are looked for; each has two roles, for the direct and for the low
// mapping.
const (
	rootActive = iota
	rootKernel
	rootInitMM
	rootSecond
)

// CanRename reports whether [State.Rename] knows all that names frames in states of the
// layout: bare machines that boot kernels of 2007 do, where there are at most 64 blocks.
func (l *Layout) CanRename() bool {
	return l.Hyper == nil && l.Early == nil && l.Life == nil && !l.SMP && l.Kernel.PageOffset&(l.Geo.Span(2)-1) == 0 &&
		l.Kernel.MaxLowPFN/PFN(l.Geo.Slots[1]) < 64 && (l.Boot == nil || l.Boot.Slots[1] == l.Geo.Slots[1])
}

// Of finds the shape of a state, and reports false if it is none that is known: one table
// maps two blocks, or is two kinds of table. start is the shape of the start of the day, nil for
// that itself: its tables lie in the kernel's image and stay what they are when nothing leads
// to them any more.
func (h *Shape) Of(s *State, start *Shape) bool {
	h.leaves, h.of, h.alone, h.per = h.leaves[:0], h.of[:0], 0, PFN(s.L.Geo.Slots[1])
	if start != nil {
		h.of = append(h.of, start.of...)
		for _, t := range start.leaves {
			t.roles = 0
			h.leaves = append(h.leaves, t)
		}
	}
	for len(h.of) < len(s.pages) {
		h.of = append(h.of, 0)
	}
	if s.TLB.Sticky {
		h.alone = ^uint64(0) // it tells by which table an entry was reached
	}
	active, k := s.Active(), &s.Kernel
	if !h.below(s, active, s.CPU.CR3, rootActive) {
		return false
	}
	if k.Phase == PhaseBoot {
		return true
	}
	roots := [...]Frame{rootKernel: Frame(s.L.Kernel.Root), rootInitMM: k.InitMM, rootSecond: k.Second}
	for which := rootKernel; which <= rootSecond; which++ {
		root := roots[which]
		if which > rootKernel && root == roots[rootKernel] || active == s.L.Geo && root == s.CPU.CR3 {
			continue // it has been looked at
		}
		if !h.below(s, s.L.Geo, root, which) {
			return false
		}
	}
	return true
}

// below adds the tables below a root that map low memory.
func (h *Shape) below(s *State, g *Geometry, root Frame, which int) bool {
	if root == NoFrame {
		return true
	}
	from := [...]VA{s.L.Kernel.PageOffset, 0}
	mappings := from[:]
	if g != s.L.Geo && s.Kernel.Phase != PhaseBoot {
		mappings = from[:1] // the kernel's root stands on what mapped the others
	}
	for m, base := range mappings {
		for first := PFN(0); first < s.L.Kernel.MaxLowPFN; first += h.per {
			t, fault := s.WalkFrom(g, root, g.Wrap(base+VA(first.PA())))
			leaf := leafTable{g, t.Table, uint8(first / h.per), 1 << (2*which + m)}
			switch {
			case t.Level == 1 && t.Table != NoFrame:
				if !h.add(leaf) {
					return false
				}
			case fault == WalkOK || base != 0: // the low mapping goes, and does not come back
				h.alone |= 1 << leaf.block
			}
		}
	}
	return true
}

// add notes what a table maps, and reports false if it maps something else, too.
func (h *Shape) add(as leafTable) bool {
	n := h.of[as.table]
	if n == 0 {
		h.leaves = append(h.leaves, as)
		h.of[as.table] = uint8(len(h.leaves))
		return true
	}
	t := &h.leaves[n-1]
	t.roles |= as.roles
	return t.geo == as.geo && t.block == as.block
}

// Block tells blocks apart whose frames cannot be exchanged: each block, unless there is a table
// for it wherever one can be. Two that are the same have tables of the same roles.
func (h *Shape) Block(p Frame) uint64 {
	b := uint8(PFN(p) / h.per)
	if h.alone>>b&1 != 0 {
		return uint64(b)
	}
	var roles uint64
	for i := range h.leaves {
		if t := &h.leaves[i]; t.block == b {
			roles += uint64(t.kind()+1) * 0x9e3779b97f4a7c15 // a sum: their order does not matter
		}
	}
	return roles | 1<<63
}

// kind is what two tables of different blocks have in common that play the same part.
func (t *leafTable) kind() uint32 { return uint32(t.roles)<<8 | uint32(t.geo.Width) }

// Geometry is that in which the entries of a frame are read.
func (h *Shape) Geometry(s *State, f Frame) *Geometry {
	if n := h.of[f]; n != 0 {
		return h.leaves[n-1].geo
	}
	return s.L.Geo
}

// Place is the frame of low memory that a slot of a frame is for, and the kind of the table; ok
// is false where it is for none.
func (h *Shape) Place(f Frame, slot int) (p Frame, kind uint32, ok bool) {
	n := h.of[f]
	if n == 0 || slot >= int(h.per) {
		return 0, 0, false
	}
	t := &h.leaves[n-1]
	return Frame(t.block)*Frame(h.per) + Frame(slot), t.kind(), true
}

// at is the reverse of Place: the slot of a frame of low memory in the table of a kind.
func (h *Shape) at(p Frame, kind uint32) (table Frame, slot int) {
	for i := range h.leaves {
		if t := &h.leaves[i]; t.block == uint8(PFN(p)/h.per) && t.kind() == kind {
			return t.table, int(PFN(p) % h.per)
		}
	}
	panic("model: shape: a frame moves to a block without such a table")
}

// Names is the frame that an entry in a frame names alone; NoFrame: none, or as a large page
// several.
func (h *Shape) Names(s *State, f Frame, e Entry) Frame {
	if !e.Is(Present) || e.Is(PSE) && s.L.Kernel.HasPSE && h.of[f] == 0 {
		return NoFrame
	}
	return s.L.Map.Frame(s.L.Names(e))
}
