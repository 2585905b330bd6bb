package model

// Memory that nobody has cleared is not clean: what the firmware, a boot loader or a last
// user left may look like entries, present ones and others. A small machine gets this
// litter in the frames that its allocators have yet to hand out, one of real size in as
// many of them as construction can take for tables.

// mostLitter is the number of frames that are littered at most.
const mostLitter = 1 << 9

// litter is what the words of a littered frame hold by turns: what looks like an absent
// entry, and what looks like a writable mapping of the frame itself.
func (l *Layout) litter(f Frame) (words [2]uint64) {
	const absent = 0x6b6b_6b6a
	present := uint64(MakeEntry(l.Map.MFN(f), Present|RW|User|Accessed|Dirty))
	if l.Geo.Width == 4 {
		return [2]uint64{present<<32 | absent, present<<32 | absent}
	}
	return [2]uint64{absent<<16 | absent, present}
}

// Litter is what a slot of a littered frame holds, read as a table of a geometry.
func (l *Layout) Litter(g *Geometry, f Frame, slot int) Entry {
	words := l.litter(f)
	if g.Width == 8 {
		return Entry(words[slot%2])
	}
	return Entry(uint32(words[slot/2%2] >> (32 * (slot & 1))))
}

// Litter fills the empty frames among those given that are nobody's yet.
func (s *State) Litter(r FrameRange) {
	k, g := &s.L.Kernel, s.Active()
	end := min(r.To, r.From+mostLitter, PFN(s.L.Map.Guest()))
	taken := map[Frame]bool{Frame(k.Root): true, Frame(k.ZeroPage): true, Frame(k.Spare): true}
	s.tablesBelow(g, s.CPU.CR3, g.Levels, taken)
	for f := Frame(r.From); f < Frame(end); f++ {
		if taken[f] || !s.Empty(f) || s.info != nil && s.info[f].T > 0 && !s.info[f].InUseAs(TypeWritable) {
			continue
		}
		s.SetPlain(f, 0, 0) // there is a page now
		s.fillLitter(f)
	}
}

// tablesBelow adds the tables of a tree to a set.
func (s *State) tablesBelow(g *Geometry, table Frame, level int, set map[Frame]bool) {
	if table == NoFrame {
		return
	}
	set[table] = true
	end := g.Slots[level]
	for slot := s.NextUsed(g, table, 0, end); level > 1 && slot < end; slot = s.NextUsed(g, table, slot+1, end) {
		if e := s.Entry(g, table, slot); e.Is(Present) && !s.leafAt(g, level, e) {
			s.tablesBelow(g, s.L.Map.Frame(e.MFN()), level-1, set)
		}
	}
}

// fillLitter fills a frame; it cannot be undone.
func (s *State) fillLitter(f Frame) {
	words := s.L.litter(f)
	for i := range s.pages[f] {
		s.pages[f][i] = words[i%2]
	}
}

// litterFreed fills a frame that nobody owns any more, as whoever uses it next may do at
// any time: it is no write of the kernel's. A hypervisor lets nobody write to what is
// still a table.
func (s *State) litterFreed(f Frame) {
	if s.info == nil || s.info[f].T == 0 || s.info[f].InUseAs(TypeWritable) {
		s.SetPlain(f, 0, 0) // there is a page now
		s.fillLitter(f)
	}
}

// Clean empties a frame, for those who set up a start of day.
func (s *State) Clean(f Frame) {
	for i := range s.L.words() {
		s.SetPlain(f, i, 0)
	}
}

// Soil litters a frame, whatever it held, for those who set up a start of day: nobody has
// cleared it.
func (s *State) Soil(f Frame) {
	s.Clean(f) // there is a page now
	s.fillLitter(f)
}

// Littered reports whether a frame holds litter and nothing else.
func (s *State) Littered(f Frame) bool {
	words := s.L.litter(f)
	for i, w := range s.pages[f] {
		if w != words[i%2] {
			return false
		}
	}
	return s.pages[f] != nil
}

// WasLitter reports whether all that the last step changed was litter of a frame.
func (s *State) WasLitter(f Frame) bool {
	words := s.L.litter(f)
	for w := range s.Writes {
		if w.Frame != f || w.Old != words[w.Word%2] {
			return false
		}
	}
	return true
}

// Untouched reports whether nothing that tells of anything was written to a frame: it is
// empty or littered.
func (s *State) Untouched(f Frame) bool { return s.Empty(f) || s.Littered(f) }
