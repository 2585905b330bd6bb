package xenlab

import "fmt"

// Moves through virtual addresses: mappings, stores, the TLB.

// mapFrame maps a pool frame at a virtual page.
func (s *scenario) mapFrame(slot, f int, flags string, rw bool) {
	entry := pair(name(f), flags)
	s.setSlot(slot, f, rw)
	switch n := s.IntN(12); {
	case n == 0:
		s.op("mu k1 %d %s", firstSlot+slot, entry)
		s.unflushed(slot)
	case n == 1 && !s.profile.NoStale:
		s.op("mapnf s%d %s", slot, entry)
		s.unflushed(slot)
	default:
		s.op("map s%d %s", slot, entry)
	}
}

// release takes away the writable mappings of a frame, as a kernel does before
// it uses the frame as a table.
func (s *scenario) release(f int) {
	for i, m := range s.slots {
		if m.frame != f || !m.rw {
			continue
		}
		if s.chance(50) {
			s.op("map s%d %s", i, pair(name(f), oneOf(s.Rand, readers...)))
			s.slots[i].rw = false
		} else {
			s.op("map s%d 0", i)
			s.slots[i].frame = -1
		}
	}
}

// write writes an entry of a table that is being built: by mmu_update, or by a
// plain store through a writable mapping.
func (s *scenario) write(f, slot int, entry string, plain bool) {
	if !plain {
		s.update(f, slot, entry)
		return
	}
	page := s.slotOf(f, true)
	if page < 0 {
		page = s.slot()
		s.mapFrame(page, f, oneOf(s.Rand, "PW", "PWU"), true)
	}
	s.op("w s%d %d %s", page, slot, entry)
}

// mapping maps, remaps or unmaps a page.
func mapping(s *scenario) {
	slot := s.slot()
	switch s.IntN(10) {
	case 0, 1:
		s.op("map s%d %s", slot, s.nothing())
		s.slots[slot].frame = -1
	case 2:
		s.op("map s%d %s", slot, pair(oneOf(s.Rand, "k2", "k3", "k4"), oneOf(s.Rand, readers...)))
		s.slots[slot].frame = -1
	case 3:
		s.op("map s%d %s", kSlot, pair(oneOf(s.Rand, "k2", "k3", "k4"), "PW"))
	case 4:
		s.op("map s%d %s", slot, s.refused())
	case 5, 6:
		s.mapFrame(slot, s.anyFrame(), s.flags(1), s.chance(50))
	case 7:
		s.mapFrame(slot, s.anyFrame(), "PW", true)
	default:
		s.mapFrame(slot, s.table(), oneOf(s.Rand, readers...), false)
	}
}

// pages maps the pages that have a place of their own.
func pages(s *scenario) {
	switch s.IntN(5) {
	case 0:
		s.op("map s%d %s", pageSlot, s.page())
		s.op("get k1 %d", firstSlot+pageSlot)
	case 1:
		s.op("mu f%d %d %s", s.role(1), pageEntry, s.page())
	case 2:
		s.op("map s%d k1:%s", k1Slot, oneOf(s.Rand, readers...))
	default:
		// The guest edits its own L1 through a read-only mapping of it.
		slot := s.slot()
		s.op("map s%d k1:P", k1Slot)
		f := s.anyFrame()
		rw := s.chance(50)
		flags := "P"
		if rw {
			flags = "PW"
		}
		s.op("w s%d %d %s", k1Slot, firstSlot+slot, pair(name(f), flags))
		s.setSlot(slot, f, rw)
		s.unflushed(slot)
	}
}

// store writes to a page through one of the store operations.
func store(s *scenario) {
	slot := s.slot()
	f := s.slots[slot].frame
	if f < 0 || s.chance(20) {
		f = s.role(1)
		s.mapFrame(slot, f, oneOf(s.Rand, readers...), false)
	}
	s.storeAt(fmt.Sprintf("s%d", slot), f, func() { s.settle(slot) })
	if s.chance(10) {
		s.op("get k1 %d", firstSlot+slot) // accessed, dirty?
	}
}

// storeAt stores to an address that presumably maps a frame. Stores that read
// are made settled: if Xen, which emulates them, reads through a stale entry of
// the TLB it finds something else than at the place it writes to. For want of a
// processor that drops entries when it faults, QEMU's guest is then stuck.
func (s *scenario) storeAt(at string, f int, settle func()) {
	slot, known := s.index(f), false
	if es := s.frames[f].edges; len(es) > 0 && s.chance(50) {
		slot, known = es[s.IntN(len(es))].slot, true
	}
	entry, to := s.nothing(), -1
	if s.chance(75) {
		entry, to = s.entry(max(s.frames[f].role, 1))
	}
	switch n := s.IntN(20); {
	case n < 11:
		s.op("w %s %d %s", at, slot, entry)
	case n < 13:
		settle()
		half := oneOf(s.Rand, "0", "0x0", "0x2", entry)
		if s.profile.L1TF && to < 0 {
			half = "0" // half of a harmless entry may do harm
		}
		s.op("w4 %s %d %s", at, slot, half)
	case n < 16:
		settle()
		s.op("x %s %d %s", at, slot, entry)
	default:
		settle()
		s.op("or %s %d %s", at, slot, s.orFlags(known))
		return
	}
	s.setEdge(f, slot, to)
}

// orFlags returns flags to add to an entry. Not a frame, as two frame numbers
// would mix to a third; and P only to an entry that names a frame.
func (s *scenario) orFlags(known bool) string {
	if known && s.chance(25) {
		return oneOf(s.Rand, "0x1", "0x3", "0x7")
	}
	return oneOf(s.Rand, "0", "0x2", "0x2", "0x4", "0x8", "0x10", "0x20", "0x60", "0x80", "0x100", "0xe00",
		"0x10000000000000", "0x4000000000000000", "0x8000000000000000")
}

func load(s *scenario) {
	slot := s.slot()
	at := 0
	if f := s.slots[slot].frame; f >= 0 {
		at = s.index(f)
	}
	s.op("r s%d %d", slot, at)
}

// live links pool tables below the tables that the guest runs on.
func live(s *scenario) {
	if !s.windows {
		return
	}
	level := 2 + oneOf(s.Rand, 0, 0, 0, 0, 1, 1, 2)
	slot, other := s.free(level), s.free(level)
	if level == 4 {
		s.kSlots = append(s.kSlots, slot, other)
	}
	entry := s.nothing()
	if s.chance(75) {
		flags := s.flags(level)
		if s.chance(60) {
			flags = oneOf(s.Rand, "PWU", "PWU", "PU")
		}
		entry = pair(name(s.child(level)), flags)
	}
	switch s.IntN(12) {
	case 0:
		s.op("mua k%d %d %s", level, slot, entry)
	case 1:
		s.op("mus k%d %d %s %d %s", level, slot, entry, other, s.nothing())
	case 2:
		s.op("mu k%d %d k%d:%s", level, slot, level, oneOf(s.Rand, linears...))
	case 3:
		// The guest's own entries bear new software flags.
		own := [...]string{"mu k2 0 k1:", "mu k3 510 k2:", "mu k4 511 k3:"}[level-2]
		s.op("%s%s", own, oneOf(s.Rand, "PWU", "PWUAD", "PWUabc", "PWUK", "PWU+0x4000000000000000", "PWUG"))
	default:
		s.op("mu k%d %d %s", level, slot, entry)
	}
}

// through uses addresses that go through the live tables.
func through(s *scenario) {
	if !s.windows {
		mapping(s)
		return
	}
	n := s.IntN(10)
	at := s.window(n < 2)
	if s.profile.NoStale {
		s.op("invlpg %s", at)
	}
	switch n {
	case 0, 1:
		s.op("r %s %d", at, oneOf(s.Rand, common...))
	case 2, 3:
		entry, _ := s.leafEntry()
		s.op("map %s %s", at, entry)
	case 4:
		s.op("map %s %s", at, s.nothing())
	default:
		s.storeAt(at, s.role(oneOf(s.Rand, 0, 1, 1)), func() { s.op("invlpg %s", at) })
	}
	if s.chance(20) {
		s.lookAtPath()
	}
}

// lookAtPath asks for entries that the processor may have marked as accessed or
// dirty on its way.
func (s *scenario) lookAtPath() {
	switch s.IntN(4) {
	case 0:
		if f := s.role(1); !s.frames[f].xen {
			s.op("dump f%d", f)
		}
	case 1:
		f, e := s.parent()
		s.op("get f%d %d", f, e.slot)
	default:
		level := 2 + oneOf(s.Rand, 0, 0, 1, 2)
		s.op("get k%d %d", level, s.free(level))
	}
}

// oddMap maps at addresses that the guest cannot map.
func oddMap(s *scenario) {
	s.op("map %s %s", oneOf(s.Rand, "0x1000", "0xffff800000000000", "0xffff82d040000000",
		"0x0000900000000000", "0xffff87ffffffffff", "0xffffffff80800000"),
		pair(name(s.anyFrame()), s.flags(1)))
}

// stale stores through a mapping that was taken away without a flush, around
// something that may flush or not.
func stale(s *scenario) {
	if s.profile.NoStale {
		store(s)
		return
	}
	slot, f := s.slot(), s.anyFrame()
	s.op("map s%d %s", slot, pair(name(f), oneOf(s.Rand, "PW", "PWU")))
	s.op("w s%d %d 0", slot, s.index(f))
	s.op("mapnf s%d %s", slot, oneOf(s.Rand, "0", pair(name(f), "P"), pair(name(s.anyFrame()), "P"),
		pair(name(s.anyFrame()), "PW")))
	if s.chance(40) {
		s.op("w s%d %d 0x10", slot, s.index(f))
	}
	switch s.IntN(12) {
	case 0:
		s.op("flush")
	case 1:
		s.op("invlpg s%d", oneOf(s.Rand, slot, s.slot()))
	case 2:
		s.op("map s%d %s", s.slot(), pair(name(f), "P"))
	case 3, 4, 5:
		s.pinFrame(f)
	default: // which of these flush depends on what frames were, and when
		oneOf(s.Rand, link, leaf, unlink, relink, unpin, wild)(s)
	}
	s.op("w s%d %d 0x200", slot, s.index(f))
	s.setSlot(slot, f, false)
	s.unflushed(slot)
}
