package xenlab

import "slices"

// Moves on roots, segment tables and whole pages.

// enter makes a pool frame a root that the guest can run on, and switches.
func enter(s *scenario) {
	s.roots = true
	f := s.role(4)
	if s.chance(60) {
		s.release(f)
	}
	if s.chance(80) {
		s.op("copy f%d k4", f)
		s.frames[f].edges = nil
	} else {
		s.op("mu f%d %d k3:%s", f, ownL4, oneOf(s.Rand, "PWU", "PW", "PWUAD", "PWUabc"))
	}
	s.frames[f].role = 4
	if s.chance(40) {
		s.pinAt(4, f)
	}
	s.switchTo(f)
}

func (s *scenario) switchTo(f int) {
	s.frames[f].root, s.frames[f].xen = true, true
	s.op("cr3 f%d", f)
}

// root moves between roots, pins and unpins them, and tries to get at them.
func root(s *scenario) {
	f := s.frame(func(f *frameGuess) bool { return f.root })
	known := s.frames[f].root && s.roots
	switch n := s.IntN(14); {
	case n < 2 && known:
		s.switchTo(f)
	case n < 4:
		s.op("cr3 k4")
	case n == 4:
		s.kFree = true
		s.op("unpin k4")
	case n == 5:
		s.op("pin 4 k4")
	case n == 6 && known:
		s.unpin(f)
	case n == 7 && known:
		s.pinAt(4, f)
	case n == 8:
		s.op("map s%d k4:%s", kSlot, oneOf(s.Rand, "PW", "P"))
	case n == 9:
		s.op("w s%d %d %s", kSlot, s.free(4), oneOf(s.Rand, "0", "0", "0x200", "0x2"))
	case n == 10:
		s.mapFrame(s.slot(), f, oneOf(s.Rand, "PW", "P"), false)
	case n == 11 && known:
		// The guest's own entry of the root may change in flags only.
		s.op("mu f%d %d k3:%s", f, ownL4, oneOf(s.Rand, "PWU", "PWUAD", "PWUc", "PWUG", "PWU+0x20000000000000"))
	case n == 12 && known:
		s.op("get f%d %d", f, oneOf(s.Rand, 256, 258, ownL4))
	default:
		s.op("btypes")
	}
}

// finish undoes what a reset does not: it leaves the boot tables as they are,
// and cannot go back to them while they are in other use.
func (s *scenario) finish() {
	if s.kFree || s.moved {
		s.op("map s%d 0", kSlot)
		s.op("unpin k4")
	}
	for k := 3; k >= 1; k-- {
		if s.kPinned[k] {
			s.op("unpin k%d", k)
		}
	}
	if s.moved {
		s.op("mu k3 %d k2:PWUAD", ownL3)
	}
	if s.kFree || s.moved {
		slices.Sort(s.kSlots)
		for _, slot := range slices.Compact(s.kSlots) {
			s.op("mu k4 %d 0", slot)
		}
		s.op("mu k4 %d k3:PWUAD", ownL4)
		s.op("cr3 k4")
		s.op("pin 4 k4")
	}
}

// oddRoot offers frames that cannot be roots.
func oddRoot(s *scenario) {
	if s.moved {
		return // no root but the one in use is known to be good
	}
	switch s.IntN(4) {
	case 0:
		s.op("cr3! %s", oneOf(s.Rand, "x", "h", "m0xb8", "m0xfffffff", "k1", "k2", "k3"))
	case 1:
		s.op("ucr3 %s", oneOf(s.Rand, "x", "h", "m0xb8", "k1", "k3"))
	case 2:
		if s.roots {
			s.switchTo(s.table())
		}
	default:
		s.op("cr3 k4")
	}
}

func userRoot(s *scenario) {
	switch s.IntN(5) {
	case 0, 1:
		s.op("ucr3 0")
	case 2:
		if !s.moved {
			s.op("ucr3 k4")
		}
	default:
		f := s.role(4)
		s.op("ucr3 f%d", f)
		s.frames[f].xen = true
		if s.chance(40) {
			s.unpin(f)
		}
	}
}

// segment loads frames as GDT, and then tries to use them otherwise.
func segment(s *scenario) {
	f := s.role(0)
	switch s.IntN(6) {
	case 0:
		s.op("gdt f%d", s.anyFrame())
	case 1:
		s.op("gdt %s", oneOf(s.Rand, "x", "m0xb8", "m0xfffffff", "k1"))
	default:
		s.release(f)
		s.op("gdt f%d", f)
	}
	switch s.IntN(6) {
	case 0:
		s.pinAt(1+s.IntN(4), f)
	case 1:
		s.op("mu f%d %d %s", f, s.index(f), s.nothing())
	case 2:
		s.op("clear f%d", f)
	case 3:
		s.copyFrame(f, s.anyFrame())
	default:
		s.mapFrame(s.slot(), f, oneOf(s.Rand, "PW", "P"), false)
	}
}

// whole clears and copies pages.
func whole(s *scenario) {
	f := s.anyFrame()
	switch s.IntN(8) {
	case 0, 1, 2:
		s.op("clear f%d", f)
		s.frames[f].edges = nil
	case 3:
		s.copyBoot(f, oneOf(s.Rand, 3, 4))
	case 4:
		if !s.windows {
			s.copyBoot(f, 2)
		}
	case 5:
		s.op("%s", oneOf(s.Rand, "clear x", "clear k1", "copy k1 f0", "copy f0 x", "copy m0xb8 f0", "clear m0xfffffff"))
	default:
		s.copyFrame(f, s.anyFrame())
	}
}

func (s *scenario) copyFrame(f, from int) {
	s.op("copy f%d f%d", f, from)
	s.frames[f].edges = slices.Clone(s.frames[from].edges)
	s.frames[f].xen = s.frames[f].xen || s.frames[from].xen
}

// copyBoot copies a boot table to a pool frame.
func (s *scenario) copyBoot(f, k int) {
	s.op("copy f%d k%d", f, k)
	s.frames[f].edges = nil
	s.frames[f].xen = s.frames[f].xen || k == 4
}

// foreign updates entries of frames that have none for the guest.
func foreign(s *scenario) {
	s.op("mu %s %d %s", oneOf(s.Rand, "x", "m0xb8", "m0xfffffff"), s.IntN(4), s.nothing())
}

// odds are operations without an effect on tables.
func odds(s *scenario) {
	switch s.IntN(6) {
	case 0:
		s.op("flush")
	case 1:
		s.op("invlpg s%d", s.slot())
	case 2:
		s.op("invlpg %s", oneOf(s.Rand, "0x1000", "0xffff800000000000", "0x0000900000000000"))
	case 3:
		s.op("ldt %s %d", oneOf(s.Rand, "s0", "0x0", "0x1000", "0x1008", "0xffff800000000000", "0xffff880000000000", "0x0000900000000000"),
			oneOf(s.Rand, 0, 1, 16, 8192, 8193))
	default:
		s.op("assist %d %d", s.IntN(8), s.IntN(2))
	}
}

// moveOut puts the guest on copies of its L2, L3 and L4, as far as chance
// goes, and leaves the originals as ordinary frames. It must come first in a
// scenario: all its operations must succeed.
func moveOut(s *scenario) {
	s.windows, s.roots, s.moved = false, false, true
	s.op("copy f%d k2", guestL2)
	s.op("mu k3 %d f%d:PWU", ownL3, guestL2)
	s.op("btypes")
	if s.chance(30) {
		return
	}
	s.op("copy f%d k3", guestL3)
	s.op("copy f%d k4", guestL4)
	s.op("mu f%d %d f%d:PWU", guestL4, ownL4, guestL3)
	if s.chance(50) {
		s.op("pin 4 f%d", guestL4)
	}
	s.op("cr3! f%d", guestL4)
	s.op("unpin k4")
	s.op("btypes")
}

// leftover uses the tables that moveOut has set free.
func leftover(s *scenario) {
	k := 2 + s.IntN(3)
	switch s.IntN(9) {
	case 0, 1:
		s.op("map s%d k%d:PW", kSlot, k)
	case 2:
		s.op("map s%d k%d:P", kSlot, k)
	case 3:
		s.op("w s%d %d %s", kSlot, oneOf(s.Rand, 255, 271, 272), oneOf(s.Rand, "0", "0x200", "0x2"))
	case 4:
		s.pinBoot(1+s.IntN(4), k)
	case 5:
		s.pinBoot(k, k)
	case 6:
		s.op("unpin k%d", k)
	case 7:
		s.op("dump f%d", oneOf(s.Rand, guestL2, guestL3))
	default:
		s.op("btypes")
	}
}
