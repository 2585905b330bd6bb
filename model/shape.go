package model

import "math"

// Shape says which tables of a bare machine map its low memory, in the direct map or in the low
// mapping that the machine starts with, and where: as a frame of low memory lies at an address
// that follows from its number, it is more than its contents and what names it that tells two
// frames apart. A block is the low memory that one leaf table maps.
type Shape struct {
	leaves []leafTable
	of     []uint8  // by frame: 1 + its place in leaves; 0: it is no such table
	alone  uint64   // blocks, by bit, of which a root maps no table, or a large page
	ways   []uint64 // by block: what leads to its tables, as a hash
	per    PFN      // frames of a block
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
// maps two blocks, or something else besides, or is two kinds of table. start is the shape of the
// start of the day, nil for that itself: its tables stay what they are when nothing leads to them
// any more.
func (h *Shape) Of(s *State, start *Shape) bool {
	h.leaves, h.of, h.alone, h.per, h.ways = h.leaves[:0], h.of[:0], 0, PFN(s.L.Geo.Slots[1]), h.ways[:0]
	for first := PFN(0); first < s.L.Kernel.MaxLowPFN; first += h.per {
		h.ways = append(h.ways, 0)
	}
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
		return start != nil || !h.twoAlike()
	}
	if active != s.L.Geo && h.overlaid(s, start) {
		return false
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
	return !h.elsewhere(s)
}

// twoAlike reports whether a start of the day has two tables of one kind for one block: once
// nothing leads to them they could not be told apart.
func (h *Shape) twoAlike() bool {
	for i := range h.leaves {
		for j := range i {
			if h.leaves[i].block == h.leaves[j].block {
				return true
			}
		}
	}
	return false
}

// overlaid reports whether the boot's directory names a frame that is no table of the boot's in a
// half of what is read as an entry of the kernel's root, which lies on top of it.
func (h *Shape) overlaid(s *State, start *Shape) bool {
	for slot := range s.L.Boot.Slots[2] {
		e := s.Entry(s.L.Boot, s.CPU.CR3, slot)
		f := s.L.Map.Frame(s.L.Names(e))
		if !e.Is(Present) || f < 0 || start != nil && start.of[f] != 0 {
			continue
		}
		if whole := Entry(s.Word(s.CPU.CR3, slot/2)); slot%2 != 0 || s.L.Map.Frame(s.L.Names(whole)) != f {
			return true
		}
	}
	return false
}

// elsewhere reports whether a table that maps low memory maps something else, too.
func (h *Shape) elsewhere(s *State) bool {
	g, k := s.L.Geo, &s.L.Kernel
	low := VA(len(h.ways)) * g.Span(2)
	for va := low; va < 1<<g.VABits(); va += g.Span(2) {
		if va-k.PageOffset < low {
			continue
		}
		if t, _ := s.WalkFrom(g, Frame(k.Root), va); t.Level == 1 && t.Table != NoFrame && h.of[t.Table] != 0 {
			return true
		}
	}
	return false
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
			va := g.Wrap(base + VA(first.PA()))
			t, fault := s.WalkFrom(g, root, va)
			leaf := leafTable{g, t.Table, uint8(first / h.per), 1 << (2*which + m)}
			switch {
			case t.Level == 1 && t.Table != NoFrame:
				if !h.add(leaf) {
					return false
				}
				above, flags := s.above(g, root, va)
				h.way(leaf, uint64(above), uint64(flags))
			case fault == WalkOK || base != 0: // the low mapping goes, and does not come back
				h.alone |= 1 << leaf.block
			}
		}
	}
	return true
}

// above is the table that names the table of the lowest level for an address, which there is, and
// by what flags.
func (s *State) above(g *Geometry, root Frame, va VA) (table Frame, flags Entry) {
	table = root
	for level := g.Levels; ; level-- {
		slot := g.Index(va, level)
		if level == g.Levels && root == s.CPU.CR3 {
			slot += s.CPU.RootSlot
		}
		e := s.Entry(g, table, slot)
		if level == 2 {
			return table, e.Flags()
		}
		table = s.L.Map.Frame(s.L.Names(e))
	}
}

// way takes down what leads to a table: two blocks below different tables of the level above may
// fare differently, for those are shared, copied and hung up as a whole, and flags hold for all
// that lies below.
func (h *Shape) way(t leafTable, parts ...uint64) {
	w := &h.ways[t.block]
	*w = mixed(*w, uint64(t.roles))
	for _, p := range parts {
		*w = mixed(*w, p)
	}
}

// mixed is a hash of two numbers.
func mixed(h, n uint64) uint64 {
	h = (h ^ n) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// add notes what a table maps, and reports false if it maps something else, too.
func (h *Shape) add(as leafTable) bool {
	n := h.of[as.table]
	if n == 0 {
		if len(h.leaves) == math.MaxUint8 {
			return false
		}
		h.leaves = append(h.leaves, as)
		h.of[as.table] = uint8(len(h.leaves))
		return true
	}
	t := &h.leaves[n-1]
	t.roles |= as.roles
	return t.geo == as.geo && t.block == as.block
}

// Block tells blocks apart whose frames cannot be exchanged: each block, unless there is a table
// for it wherever one can be. Two that are the same have tables of the same roles, below the same
// tables by the same flags.
func (h *Shape) Block(p Frame) uint64 {
	b := uint8(PFN(p) / h.per)
	if h.alone>>b&1 != 0 {
		return uint64(b)
	}
	roles := h.ways[b]
	for i := range h.leaves {
		if t := &h.leaves[i]; t.block == b {
			roles += mixed(0, uint64(t.kind()+1)) // a sum: their order does not matter
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
// several. Entries that are not present name frames, too: the bit may come back.
func (h *Shape) Names(s *State, f Frame, e Entry) Frame {
	if e == 0 || e.Is(Present|PSE) && s.L.Kernel.HasPSE && h.of[f] == 0 {
		return NoFrame
	}
	return s.L.Map.Frame(s.L.Names(e))
}
