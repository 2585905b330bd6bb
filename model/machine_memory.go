package model

// Loads and stores of kernel code, through virtual addresses.

// Load reads width (4 or 8) bytes at a virtual address, as kernel code does. Past the
// end of a table that is the next page.
func (m *Machine) Load(va VA, width int) uint64 {
	m.pause()
	_, t := m.land(va, false)
	if t.Frame == NoFrame {
		return 0
	}
	w := m.Word(t.Frame, t.Offset/8)
	if width != 8 {
		w = uint64(uint32(w >> (8 * (t.Offset & 4))))
	}
	if m.OnAside != nil {
		m.tellAside(Aside{Kind: AsideRead, Frame: t.Frame, Off: t.Offset, Value: Entry(w)})
	}
	return w
}

// Store writes width (4 or 8) bytes at a virtual address, as kernel code does.
// Under a hypervisor a store to a read-only mapping of an L1 table is emulated
// or refused; a refusal reaches the kernel as a page fault. Past the end of a table
// the store lands in the next page.
func (m *Machine) Store(va VA, width int, v uint64) {
	m.pause()
	va, t := m.land(va, true)
	op := OpStore
	for tries := 0; !t.RW && m.CPU.WP; tries++ {
		if m.emulate(&t, va, width, v) {
			op = OpEmulate
			break
		}
		m.TLB.flushPage(va &^ (PageSize - 1)) // a fault drops the translation
		if !m.handled(PageFault{VA: va, Write: true, Present: true}, tries) {
			m.Die(Crash{Kind: CrashFault, Write: true, VA: va})
		}
		t = m.translate(va, true)
	}
	if op == OpStore {
		m.poke(&t, width, v)
	}
	m.emit(Step{Op: op, VA: va, Frame: t.Frame, Off: t.Offset, Width: width, Value: v})
}

// emulate has the hypervisor carry out a store to a read-only page. It reports
// whether that was its business; otherwise the kernel sees a page fault.
func (m *Machine) emulate(t *Translation, va VA, width int, v uint64) bool {
	if m.L.Hyper == nil || t.Frame == NoFrame {
		return false
	}
	rc, mine := m.emulateStore(t, width, v, false)
	m.stopEnded()
	if mine && rc != OK {
		pa := PFN(t.Frame).PA() + PA(t.Offset)
		m.Die(Crash{Kind: CrashRejected, Write: true, VA: va, PA: pa, Errno: rc, Value: v, Width: width})
	}
	return mine
}

// poke writes to the memory that a translation leads to.
func (m *Machine) poke(t *Translation, width int, v uint64) {
	if t.Frame == NoFrame {
		return
	}
	if width == 4 {
		sh := 8 * (t.Offset & 4)
		v = m.Word(t.Frame, t.Offset/8)&^(0xffff_ffff<<sh) | uint64(uint32(v))<<sh
	}
	m.SetWord(t.Frame, t.Offset/8, v)
}

// ClearPage zeroes the page at a virtual address with plain stores, as the boot
// allocator does with every page that it hands out.
func (m *Machine) ClearPage(va VA) {
	m.pause()
	t := m.translate(va, true)
	if !t.RW && m.CPU.WP {
		m.Die(Crash{Kind: CrashFault, Write: true, VA: va})
	}
	if t.Frame != NoFrame {
		m.zero(t.Frame)
	}
	m.emit(Step{Op: OpClearPage, VA: va, Frame: t.Frame})
}

func (m *Machine) zero(f Frame) {
	for i := range m.pages[f] {
		m.SetWord(f, i, 0)
	}
}

// translate finds the memory behind a virtual address, or ends the kernel: by
// a fault where the tables (or a cached translation) do not map it, by a
// misaccess where the direct map leads to other memory than it promises.
func (m *Machine) translate(va VA, write bool) Translation {
	for tries := 0; ; tries++ {
		t, fault := m.tryTranslate(va, write)
		if fault == WalkOK {
			return t
		}
		if !m.handled(PageFault{VA: va, Write: write, Present: fault == WalkReadOnly}, tries) {
			m.Die(Crash{Kind: CrashFault, Write: write, VA: va})
		}
	}
}

// tryTranslate is one attempt of translate.
func (m *Machine) tryTranslate(va VA, write bool) (t Translation, fault WalkFault) {
	page := va &^ (PageSize - 1)
	if m.TLB.Sticky {
		if m.staleReadOnly(page, write) {
			return t, WalkReadOnly
		}
		// A cached read-only translation does not deny a store for good: the
		// fault drops it, and the kernel tries again.
		if e, ok := m.TLB.lookup(page); ok && (!write || e.write) {
			t := Translation{Frame: e.frame, Offset: int(va & (PageSize - 1)), RW: e.write}
			m.checkDirect(&t, va, write)
			return t, WalkOK
		}
	}
	if t, fault = m.Walk(va); fault != WalkOK {
		return t, fault
	}
	m.checkDirect(&t, va, write)
	m.TLB.fill(tlbEntry{page: page, frame: t.Frame, write: t.RW, glob: t.Global && m.CPU.CR4&CR4PGE != 0})
	return t, WalkOK
}

// checkDirect compares an access through the direct map with what the kernel
// means by it.
func (m *Machine) checkDirect(t *Translation, va VA, write bool) {
	pfn := m.L.PA(va).PFN()
	if pfn >= m.L.Kernel.MaxLowPFN || t.Frame == Frame(pfn) {
		return
	}
	pa := PA(t.MFN)<<PageShift + PA(t.Offset)
	if t.Frame != NoFrame {
		pa = PFN(t.Frame).PA() + PA(t.Offset)
	}
	m.Die(Crash{Kind: CrashMisaccess, Write: write, VA: va, PA: pa})
}
