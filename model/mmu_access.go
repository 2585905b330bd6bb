package model

// access is what an instruction asks of a page: to be read or written to, by the kernel
// or by user mode.
type access struct{ write, user bool }

// Access is one load or store of the guest's processor, for callers that want to
// see a page fault instead of dying of it. It uses the cached translations when
// the TLB is sticky, and keeps accessed and dirty bits when the layout says so.
// The result is where the access lands, or why it does not.
//
// Like real processors it sets the accessed bit of each upper entry before it
// looks at the next level, and that of the leaf when the access is granted.
func (m *Machine) Access(va VA, write bool) (Translation, WalkFault) {
	page := va &^ (PageSize - 1)
	if m.TLB.Sticky {
		if e, ok := m.TLB.lookup(page); ok && (!write || e.write) {
			return Translation{Frame: e.frame, Offset: int(va & (PageSize - 1)), RW: e.write}, WalkOK
		}
	}
	t, fault := m.accessWalk(va)
	if fault != WalkOK {
		return t, fault
	}
	if write && !t.RW && m.CPU.WP {
		return t, WalkReadOnly
	}
	used := Accessed
	if write {
		used |= Dirty
	}
	dirty := m.accessed(t.Table, t.Level, t.Slot, used)
	// A processor lets a page be written through a cached translation only after
	// it has set the dirty bit.
	m.TLB.fill(tlbEntry{page: page, frame: t.Frame, write: t.RW && dirty, glob: t.Global && m.CPU.CR4&CR4PGE != 0})
	return t, WalkOK
}

// accessWalk is Walk with accessed bits set in upper entries.
func (m *Machine) accessWalk(va VA) (Translation, WalkFault) {
	t, fault := m.Walk(va)
	if !m.L.AccessBits || fault == WalkNonCanon {
		return t, fault
	}
	g := m.Active()
	f := m.CPU.CR3
	for level := g.Levels; level > t.Level; level-- {
		slot := g.Index(va, level)
		m.accessed(f, level, slot, Accessed)
		f = m.L.Map.Frame(m.L.Names(m.Entry(g, f, slot)))
	}
	return t, fault
}

// accessed sets bits of an entry that the processor uses, if it keeps them, and
// reports whether the entry is dirty.
func (s *State) accessed(f Frame, level, slot int, bits Entry) (dirty bool) {
	if !s.L.AccessBits {
		return true
	}
	g := s.Active()
	if !g.GrantsRights(level) && !(s.rules != nil && s.rules.modern) {
		return true // the entries of a native PAE root have no such bits
	}
	e := s.Entry(g, f, slot)
	if e&bits != bits {
		e |= bits
		s.SetEntry(g, f, slot, e)
	}
	return e.Is(Dirty)
}

// LoadFrame returns width (up to 8) bytes at an offset of a frame. Bytes that are
// not modelled read as zero.
func (s *State) LoadFrame(f Frame, off, width int) uint64 {
	v := s.wordOrZero(f, off/8) >> (8 * (off & 7))
	if off&7+width > 8 {
		v |= s.wordOrZero(f, off/8+1) << (64 - 8*(off&7))
	}
	if width < 8 {
		v &= 1<<(8*width) - 1
	}
	return v
}

func (s *State) wordOrZero(f Frame, i int) uint64 {
	if f == NoFrame || i >= s.L.words() {
		return 0
	}
	return s.Word(f, i)
}

// storeFrame writes width (4 or 8) bytes at an offset of a frame. Bytes that are
// not modelled are lost.
func (s *State) storeFrame(f Frame, off, width int, v uint64) {
	if f == NoFrame {
		return
	}
	mask := ^uint64(0) >> (64 - 8*width)
	sh := 8 * (off & 7)
	if i := off / 8; i < s.L.words() {
		s.SetWord(f, i, s.Word(f, i)&^(mask<<sh)|v&mask<<sh)
	}
	if i := off/8 + 1; sh+8*width > 64 && i < s.L.words() {
		s.SetWord(f, i, s.Word(f, i)&^(mask>>(64-sh))|v&mask>>(64-sh))
	}
}

// StoreAt carries out a store of width (4 or 8) bytes for which Access returned
// t and fault: to memory, or to a read-only leaf table with the hypervisor's
// help. locked says that it is part of a locked read-modify-write. It reports
// whether the store was done; otherwise the guest sees a page fault.
func (m *Machine) StoreAt(va VA, t *Translation, fault WalkFault, width int, v uint64, locked bool) bool {
	op := OpStore
	switch {
	case fault == WalkOK:
		m.storeFrame(t.Frame, t.Offset, width, v)
	case fault == WalkReadOnly && m.L.Hyper != nil:
		if rc, mine := m.emulateStore(t, width, v, locked); !mine || rc != OK {
			m.commit()
			return false
		}
		op = OpEmulate
	default:
		m.commit()
		return false
	}
	m.emit(Step{Op: op, VA: va, Frame: t.Frame, Off: t.Offset, Width: width, Value: v})
	return true
}

// commit closes what is no step, such as accessed bits.
func (m *Machine) commit() {
	if !m.Hold {
		m.Commit()
	}
}

// FlushLocal is MMUEXT_TLB_FLUSH_LOCAL.
func (m *Machine) FlushLocal() Errno {
	m.flushAll()
	m.emit(Step{Op: OpFlush})
	return OK
}

// InvalidatePage is MMUEXT_INVLPG_LOCAL.
func (m *Machine) InvalidatePage(va VA) Errno {
	m.FlushPage(va)
	return OK
}
