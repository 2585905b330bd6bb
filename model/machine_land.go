package model

// A small machine keeps of each page only what the largest table of its geometry takes,
// and its smaller tables take even less. So that a loop which runs past the end of a table
// does what it does in memory, the bytes in between do not exist: what follows a table's
// last slot is the first slot of the next page. At real size tables fill their pages, and
// nothing of this applies; nor does it to a PAE root, which never fills its page.

// land is where an access of kernel code to an address lands: the address itself or, past
// the end of a table, one in a page behind it.
func (m *Machine) land(va VA, write bool) (VA, Translation) {
	off, kept := va&(PageSize-1), VA(8*m.L.words())
	if off >= kept {
		va = m.L.Geo.Wrap(va - off + off/kept*PageSize + off%kept)
	}
	t := m.translate(va, access{write: write})
	// While head.S's tree is in use, an entry of the one in the making may look like a
	// pointer to a table of another size: there no frame is a table for sure.
	if g := m.L.Geo; g == m.Active() && t.Offset >= g.least() && t.Frame != NoFrame {
		if end := m.tableEnd(g, t.Frame); t.Offset >= end {
			va = g.Wrap(va - VA(t.Offset) + PageSize + VA(t.Offset-end))
			t = m.translate(va, access{write: write})
		}
	}
	return va, t
}

// least is the number of bytes of the smallest table that fills a page at real size.
func (g *Geometry) least() int {
	least := g.Slots[1]
	for level := 2; level <= g.Levels; level++ {
		if g.GrantsRights(level) {
			least = min(least, g.Slots[level])
		}
	}
	return least * g.Width
}

// tableEnd is the number of bytes that a frame holds as a table of the tree in use, more
// than any offset if it is none.
func (s *State) tableEnd(g *Geometry, f Frame) int {
	level := s.levelIn(g, s.CPU.CR3, g.Levels, f)
	if level == 0 || !g.GrantsRights(level) {
		return PageSize
	}
	return g.Slots[level] * g.Width
}

// levelIn is the level at which a frame is a table in the tree of a table, 0 if it is not.
func (s *State) levelIn(g *Geometry, table Frame, level int, f Frame) int {
	switch {
	case table == f:
		return level
	case level == 1 || table == NoFrame:
		return 0
	}
	end := g.Slots[level]
	for slot := s.NextUsed(g, table, 0, end); slot < end; slot = s.NextUsed(g, table, slot+1, end) {
		e := s.Entry(g, table, slot)
		if !e.Is(Present) || s.leafAt(g, level, e) {
			continue
		}
		if at := s.levelIn(g, s.L.Map.Frame(e.MFN()), level-1, f); at > 0 {
			return at
		}
	}
	return 0
}
