package xenlab

import "fmt"

// Moves on tables of the pool: what is written where, and pins.

// update writes an entry of a pool frame by one of the mmu_update forms.
func (s *scenario) update(f, slot int, entry string) {
	switch n := s.IntN(20); {
	case n < 2:
		s.op("mua f%d %d %s", f, slot, entry)
	case n < 3:
		s.op("mus f%d %d %s", f, slot, entry)
	default:
		s.op("mu f%d %d %s", f, slot, entry)
	}
}

// child returns a frame to link into a table of a level.
func (s *scenario) child(level int) int {
	if s.chance(8) {
		return s.anyFrame()
	}
	return s.role(level - 1)
}

// entry returns an entry for a table of a level, and the frame it names (-1:
// none of the pool).
func (s *scenario) entry(level int) (string, int) {
	if level <= 1 {
		return s.leafEntry()
	}
	if s.chance(3) {
		return s.refused(), -1
	}
	to := s.child(level)
	return pair(name(to), s.flags(level)), to
}

// leafEntry returns an entry for an L1: data writable or not, tables mostly
// read-only.
func (s *scenario) leafEntry() (string, int) {
	switch n := s.IntN(100); {
	case n < 4:
		return s.refused(), -1
	case n < 8 && !s.moved && !s.roots: // else they may be free, and are needed
		return pair(oneOf(s.Rand, "k2", "k3", "k4", "k1"), "PW"), -1
	case n < 13:
		return pair(oneOf(s.Rand, "k2", "k3", "k4"), oneOf(s.Rand, readers...)), -1
	case n < 60:
		to := s.role(0)
		return pair(name(to), s.flags(1)), to
	case n < 90:
		to := s.table()
		return pair(name(to), oneOf(s.Rand, readers...)), to
	}
	to := s.table()
	return pair(name(to), s.flags(1)), to
}

func link(s *scenario) {
	f := s.table()
	slot := s.index(f)
	entry, to := s.entry(s.frames[f].role)
	s.update(f, slot, entry)
	s.setEdge(f, slot, to)
}

func leaf(s *scenario) {
	f := s.role(1)
	slot := s.index(f)
	entry, to := s.leafEntry()
	s.update(f, slot, entry)
	s.setEdge(f, slot, to)
}

func unlink(s *scenario) {
	f, e := s.parent()
	s.update(f, e.slot, s.nothing())
	s.setEdge(f, e.slot, -1)
}

// relink replaces a known entry by one that names another frame.
func relink(s *scenario) {
	f, e := s.parent()
	entry, to := s.entry(s.frames[f].role)
	s.update(f, e.slot, entry)
	s.setEdge(f, e.slot, to)
}

// reflag changes the flags of a known entry only.
func reflag(s *scenario) {
	f, e := s.parent()
	if e.to < 0 {
		relink(s)
		return
	}
	level := s.frames[f].role
	flags := s.flags(level)
	if s.frames[e.to].role == level && s.chance(60) {
		flags = oneOf(s.Rand, linears...)
	}
	s.update(f, e.slot, pair(name(e.to), flags))
	if s.chance(30) {
		s.op("get f%d %d", f, e.slot)
	}
}

// linear writes an entry that names a table of the same level, or itself.
func linear(s *scenario) {
	f := s.frame(func(f *frameGuess) bool { return f.role > 1 })
	to := f
	if s.chance(70) {
		to = s.role(s.frames[f].role)
	}
	flags := oneOf(s.Rand, linears...)
	if s.chance(15) {
		flags = s.flags(s.frames[f].role)
	}
	slot := s.index(f)
	s.update(f, slot, pair(name(to), flags))
	s.setEdge(f, slot, to)
}

// side links one of the guest's own tables below a pool table.
func side(s *scenario) {
	level := 2 + s.IntN(3)
	if s.moved {
		level = 2
	}
	f := s.role(level)
	s.update(f, sideSlot, fmt.Sprintf("k%d:%s", level-1, s.flags(level)))
	if s.chance(50) {
		s.update(f, sideSlot, s.nothing())
	}
}

// batch writes several entries of one table in one call.
func batch(s *scenario) {
	f := s.table()
	line := fmt.Sprintf("mus f%d", f)
	for range 2 + s.IntN(7) {
		slot := s.index(f)
		entry, to := s.nothing(), -1
		if s.chance(80) {
			entry, to = s.entry(s.frames[f].role)
		}
		s.setEdge(f, slot, to)
		line += fmt.Sprintf(" %d %s", slot, entry)
	}
	s.op("%s", line)
}

// pin pins a table, mostly at its level and mostly one that is not pinned.
func pin(s *scenario) {
	f := s.frame(func(f *frameGuess) bool { return f.role > 0 && !f.pinned })
	if s.chance(50) {
		s.release(f)
	}
	s.pinFrame(f)
}

func (s *scenario) pinFrame(f int) {
	level := s.frames[f].role
	if level == 0 || s.chance(8) {
		level = 1 + s.IntN(4)
	}
	s.pinAt(level, f)
}

func unpin(s *scenario) {
	f := s.pinned()
	if s.chance(10) {
		f = s.anyFrame()
	}
	s.unpin(f)
}

// oddPin pins frames that are not the guest's, and the tables it runs on.
func oddPin(s *scenario) {
	switch s.IntN(5) {
	case 0:
		s.op("pin %d %s", 1+s.IntN(4), oneOf(s.Rand, "x", "h", "m0xb8", "m0xfffffff"))
	case 1:
		s.op("unpin %s", oneOf(s.Rand, "x", "h", "m0xb8", "m0xfffffff"))
	case 2:
		k := 1 + s.IntN(3)
		s.pinBoot(k, k)
	case 3:
		s.op("unpin k%d", 1+s.IntN(3))
	case 4:
		s.pinBoot(1+s.IntN(4), 1+s.IntN(3))
	}
}

// pinBoot pins a boot table at a level; its own is k.
func (s *scenario) pinBoot(level, k int) {
	s.op("pin %d k%d", level, k)
	s.kPinned[k] = true
}

// wild writes something that need not make sense at all.
func wild(s *scenario) {
	f := s.anyFrame()
	slot := s.index(f)
	to := s.anyFrame()
	flags := s.anyFlags()
	if s.chance(60) {
		flags = s.flags(1 + s.IntN(4))
	}
	s.update(f, slot, pair(name(to), flags))
	s.setEdge(f, slot, to)
}

// build builds a tree below a new root of a level in one of the ways that
// kernels do, and returns the root.
func (s *scenario) build(level int) int {
	f := s.role(level)
	style := s.IntN(4)
	if style == 2 {
		s.pinFrame(f) // top down: every link is validated by itself
	}
	if s.narrow() && level == 3 && s.chance(80) {
		// A PAE root must have a last entry, whose L2 nobody else uses.
		to := s.role(2)
		s.write(f, 3, pair(name(to), "P"), style == 3)
		s.setEdge(f, 3, to)
	}
	for range 1 + s.IntN(3) {
		slot := s.index(f)
		if level == 1 {
			entry, to := s.leafEntry()
			s.write(f, slot, entry, style == 3)
			s.setEdge(f, slot, to)
			continue
		}
		to := s.role(level - 1)
		if len(s.frames[to].edges) == 0 && style != 2 {
			to = s.build(level - 1)
		}
		s.write(f, slot, pair(name(to), oneOf(s.Rand, goodUpper...)), style == 3)
		s.setEdge(f, slot, to)
		if style == 2 && len(s.frames[to].edges) == 0 {
			s.build(level - 1)
		}
	}
	if style == 3 && s.chance(85) {
		s.release(f)
	}
	if style == 1 || s.chance(30) {
		s.release(f)
		s.pinFrame(f) // bottom up: pin at each level
	}
	return f
}
