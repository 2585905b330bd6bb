package model

// Rename makes s what o becomes when frame f hands its part to frame to[f], for each f: what
// it holds, every mention of it in entries, registers and cached translations, and its places
// where low memory is mapped, which h, the shape of o, knows. to is a permutation that keeps each
// frame in blocks that are the same to [Shape.Block]; o is another state of the same layout, which
// [Layout.CanRename]. A large page stays where it is: whatever moves, moves within it.
func (s *State) Rename(o *State, to []Frame, h *Shape) {
	s.copyRegisters(o)
	for _, f := range s.named() {
		*f = renamed(to, *f)
	}
	s.TLB.rename(o, to)
	for f := range o.pages {
		s.renamePage(o, Frame(f), to, h)
	}
	s.Commit()
}

// named are the frames that the registers of a bare machine and its kernel's variables name.
func (s *State) named() [5]*Frame {
	return [...]*Frame{&s.CPU.CR3, &s.CPU.UserCR3, &s.Kernel.InitMM, &s.Kernel.XenCR3, &s.Kernel.Second}
}

// NamedFrames are the frames that the registers and the kernel's variables name, in a fixed
// order; NoFrame where one names none.
func (s *State) NamedFrames() (out [5]Frame) {
	for i, f := range s.named() {
		out[i] = *f
	}
	return out
}

func renamed(to []Frame, f Frame) Frame {
	if f < 0 || int(f) >= len(to) {
		return f
	}
	return to[f]
}

// renamePage writes what frame f holds in o where it goes.
func (s *State) renamePage(o *State, f Frame, to []Frame, h *Shape) {
	into, from := renamed(to, f), o.pages[f]
	if from == nil {
		clear(s.pages[into])
		return
	}
	if s.pages[into] == nil {
		s.pages[into] = make([]uint64, len(from))
	}
	g := h.Geometry(o, f)
	for slot := range len(from) * 8 / g.Width {
		e, table, at := o.Entry(g, f, slot), into, slot
		if n := h.Names(o, f, e); n >= 0 && renamed(to, n) != n {
			e = MakeEntry(s.L.Map.MFN(to[n]), e.Flags()) | e&s.L.Encrypt
		}
		if p, kind, ok := h.Place(f, slot); ok && renamed(to, p) != p {
			table, at = h.at(to[p], kind)
			table = renamed(to, table)
		}
		s.put(g, table, at, e)
	}
}

// put writes an entry that cannot be undone.
func (s *State) put(g *Geometry, f Frame, slot int, e Entry) {
	p := s.pages[f]
	if g.Width == 8 {
		p[slot] = uint64(e)
		return
	}
	sh := 32 * (slot & 1)
	p[slot/2] = p[slot/2]&^(0xffff_ffff<<sh) | uint64(uint32(e))<<sh
}

// rename takes over the translations of o: those of a place in the direct map, or in the low
// mapping that the machine starts with, become those of another place.
func (t *TLB) rename(o *State, to []Frame) {
	t.entries = t.entries[:0]
	for _, e := range o.TLB.entries {
		if p, base, ok := o.L.Mapped(e.page); ok {
			e.page = base + VA(PFN(renamed(to, p)).PA())
		}
		e.frame = renamed(to, e.frame)
		t.fill(e)
	}
}

// Mapped is the frame of low memory that a page is for, in the direct map or in the low
// mapping, and where that mapping begins.
func (l *Layout) Mapped(page VA) (p Frame, base VA, ok bool) {
	size := VA(l.Kernel.MaxLowPFN.PA())
	for _, base := range [...]VA{l.Kernel.PageOffset, 0} {
		if off := l.Geo.Wrap(page - base); off < size {
			return Frame(off >> PageShift), base, true
		}
	}
	return 0, 0, false
}
