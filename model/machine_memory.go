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
	m.store(va, t, access{write: true}, width, v)
}

// StoreUser writes width (4 or 8) bytes at a virtual address, as a program does in user
// mode: each entry on the way must have U (Intel SDM vol. 3, 4.6).
func (m *Machine) StoreUser(va VA, width int, v uint64) {
	m.pause()
	a := access{write: true, user: true}
	m.store(va, m.translate(va, a), a, width, v)
}

// store is a store to where a translation leads. One that is read-only makes a fault,
// unless it is the kernel's business with a hypervisor.
func (m *Machine) store(va VA, t Translation, a access, width int, v uint64) {
	op := OpStore
	for tries := 0; !t.RW && (m.CPU.WP || a.user); tries++ {
		if !a.user && m.emulate(&t, va, width, v) {
			op = OpEmulate
			break
		}
		m.TLB.flushPage(va &^ (PageSize - 1)) // a fault drops the translation
		m.fault(PageFault{VA: va, Write: true, User: a.user, Present: true}, tries)
		t = m.translate(va, a)
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
	t := m.translate(va, access{write: true})
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
func (m *Machine) translate(va VA, a access) Translation {
	for tries := 0; ; tries++ {
		t, fault := m.tryTranslate(va, a)
		if fault == WalkOK {
			return t
		}
		m.fault(PageFault{VA: va, Write: a.write, User: a.user, Present: fault == WalkReadOnly || fault == WalkSupervisor}, tries)
	}
}

// tryTranslate is one attempt of translate.
func (m *Machine) tryTranslate(va VA, a access) (t Translation, fault WalkFault) {
	page := va &^ (PageSize - 1)
	if m.TLB.Sticky {
		if m.staleDenial(page, a) {
			return t, WalkReadOnly
		}
		// A cached translation does not deny an access for good: the fault drops it,
		// and the kernel tries again.
		if e, ok := m.TLB.lookup(page); ok && e.grants(a) {
			t := Translation{Frame: e.frame, Offset: int(va & (PageSize - 1)), RW: e.write, User: e.user}
			m.checkDirect(&t, va, a.write)
			return t, WalkOK
		}
	}
	if t, fault = m.walkAs(a.user, va); fault != WalkOK {
		return t, fault
	}
	m.checkDirect(&t, va, a.write)
	user := t.User && m.L.Life != nil // a kernel that boots has nothing to run in user mode
	m.TLB.fill(tlbEntry{page: page, frame: t.Frame, write: t.RW, user: user, glob: t.Global && m.CPU.CR4&CR4PGE != 0})
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
