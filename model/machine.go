package model

import (
	"runtime"
	"strings"
)

// Machine runs kernel code on a State: loads and stores through virtual
// addresses, mode switches and hypercalls. Each change is a [Step] that
// observers see. A Machine is not safe for concurrent use.
type Machine struct {
	*State
	// RecordSites makes every Step carry the program counter of the kernel code
	// that took it. It costs a stack walk a step.
	RecordSites bool
	// Hold keeps what has changed undoable until the next [State.Commit]; steps
	// do not commit by themselves.
	Hold bool
	// Refuse is the hypercall, counted from 1, of the next Run that the hypervisor
	// refuses for want of memory, whatever it asks for; 0: none.
	Refuse int
	// Hypercalls is the number of hypercalls of the last Run.
	Hypercalls int
	// OnFault is the kernel's page-fault handler; nil: a page fault is the end. It
	// reports whether the access is to be tried again.
	OnFault func(f PageFault) bool

	observers []Observer
	duo       *Duo   // the code of two processors that is run side by side, nil: none
	locks     uint32 // the spinlocks that are held, by bit
	call      Call
	step      Step
	crash     Crash
}

// NewMachine returns a machine on a state, with observers.
func NewMachine(s *State, observers ...Observer) *Machine {
	return &Machine{State: s, observers: observers}
}

// Observe adds an observer.
func (m *Machine) Observe(o Observer) { m.observers = append(m.observers, o) }

// Run carries out kernel code. The result is nil, or how the kernel died; it is
// valid until the next Run.
func (m *Machine) Run(fn func()) (died *Crash) {
	m.call, m.locks, m.Hypercalls = Call{}, 0, 0
	m.Commit()
	died = m.run(fn)
	m.call = Call{}
	return died
}

// run carries out kernel code in the call that the machine is in.
func (m *Machine) run(fn func()) (died *Crash) {
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(*Crash)
			if !ok {
				panic(r)
			}
			died = c
		}
	}()
	fn()
	return nil
}

// Begin marks the start of a protocol call and returns the call it is part of,
// for [Machine.End].
func (m *Machine) Begin(c Call) (outer Call) {
	outer = m.call
	m.call = c
	m.emit(Step{Op: OpCallBegin})
	return outer
}

// End marks the end of the protocol call that Begin started.
func (m *Machine) End(outer Call) {
	m.emit(Step{Op: OpCallEnd})
	m.call = outer
}

// Die ends the kernel under test.
func (m *Machine) Die(c Crash) {
	m.crash = c
	if m.RecordSites {
		m.crash.Site = kernelSite()
	}
	panic(&m.crash)
}

// Bug is the kernel's BUG() in the named function; rc is the hypercall's answer
// that led to it, if one did.
func (m *Machine) Bug(function string, rc Errno) {
	m.Die(Crash{Kind: CrashBug, Where: function, Errno: rc})
}

// watched reports whether somebody looks at the steps; if not, it closes the one
// that has just been taken.
func (m *Machine) watched() bool {
	if len(m.observers) > 0 {
		return true
	}
	if !m.Hold {
		m.Commit()
	}
	return false
}

// emit shows a step to the observers and closes it.
func (m *Machine) emit(s Step) {
	if len(m.observers) > 0 {
		s.Call, s.CPU, s.Busy = m.call, m.Running(), m.Others()
		if m.RecordSites {
			s.Site = kernelSite()
		}
		m.step = s
		for _, o := range m.observers {
			o.Step(m, &m.step)
		}
	}
	if !m.Hold {
		m.Commit()
	}
}

// kernelSite finds the innermost caller outside this package.
func kernelSite() uintptr {
	var pcs [24]uintptr
	n := runtime.Callers(3, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/ptcheck/model.") {
			return f.PC
		}
		if !more {
			return 0
		}
	}
}

// Load reads width (4 or 8) bytes at a virtual address, as kernel code does.
// Bytes beyond what a table can hold are not modelled and read as zero.
func (m *Machine) Load(va VA, width int) uint64 {
	m.pause()
	t := m.translate(va, false)
	if t.Frame == NoFrame || t.Offset/8 >= m.L.words() {
		return 0
	}
	w := m.Word(t.Frame, t.Offset/8)
	if width == 8 {
		return w
	}
	return uint64(uint32(w >> (8 * (t.Offset & 4))))
}

// Store writes width (4 or 8) bytes at a virtual address, as kernel code does.
// Under a hypervisor a store to a read-only mapping of an L1 table is emulated
// or refused; a refusal reaches the kernel as a page fault.
func (m *Machine) Store(va VA, width int, v uint64) {
	m.pause()
	t := m.translate(va, true)
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
	if mine && rc != OK {
		pa := PFN(t.Frame).PA() + PA(t.Offset)
		m.Die(Crash{Kind: CrashRejected, Write: true, VA: va, PA: pa, Errno: rc, Value: v, Width: width})
	}
	return mine
}

// poke writes to the memory that a translation leads to. Bytes beyond what a
// table can hold are not modelled.
func (m *Machine) poke(t *Translation, width int, v uint64) {
	if t.Frame == NoFrame || t.Offset/8 >= m.L.words() {
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

// AllocBootmem hands out the next frame of the boot allocator, zeroed
// (Linux: alloc_bootmem_low_pages(PAGE_SIZE)). The kernel dies when low memory
// is used up, or when the page cannot be written through its direct map.
func (m *Machine) AllocBootmem() PFN {
	m.pause()
	pfn := m.Kernel.BootmemNext
	if pfn >= m.L.Kernel.MaxLowPFN {
		m.Die(Crash{Kind: CrashPanic, Where: "Out of memory"})
	}
	m.Kernel.BootmemNext++
	m.emit(Step{Op: OpBootmem, Frame: Frame(pfn)})
	m.ClearPage(m.L.VA(pfn.PA()))
	return pfn
}

// LoadCR3 loads the root table register on bare metal and flushes the TLB
// except global translations.
func (m *Machine) LoadCR3(root Frame) {
	m.pause()
	m.CPU.CR3 = root
	m.loadPDPTEs()
	m.TLB.flush(false)
	m.emit(Step{Op: OpLoadCR3, Frame: root})
}

// SetCR4 switches on bits of CR4; changing PAE, PSE or PGE flushes the TLB.
func (m *Machine) SetCR4(bits CR4) {
	m.pause()
	if m.CPU.CR4&bits != bits {
		m.TLB.flush(true)
	}
	before := m.CPU.CR4
	m.CPU.CR4 |= bits
	if (before^m.CPU.CR4)&CR4PAE != 0 {
		m.loadPDPTEs()
	}
	m.emit(Step{Op: OpSetCR4, Value: uint64(bits)})
}

// loadPDPTEs checks the root entries that a processor in PAE mode loads when CR3
// or CR4.PAE changes: a present one with a reserved bit is a general-protection
// fault (Intel SDM vol. 3, 4.4.1).
func (m *Machine) loadPDPTEs() {
	g := m.Active()
	if !g.PAERoot || !m.L.Map.IsGuest(m.CPU.CR3) {
		return
	}
	const reserved = RW | User | Accessed | Dirty | PSE | Global | AvailHigh | NX
	for slot := range g.Slots[g.Root()] {
		if e := m.Entry(g, m.CPU.CR3, slot); e.Is(Present) && e&reserved != 0 {
			m.Die(Crash{Kind: CrashReserved, Where: "root entry", Slot: slot})
		}
	}
}

// FlushTLB drops every cached translation, global ones too.
func (m *Machine) FlushTLB() {
	m.pause()
	m.TLB.flush(true)
	m.emit(Step{Op: OpFlush})
}

// FlushPage drops the cached translation of one page (INVLPG).
func (m *Machine) FlushPage(va VA) {
	m.pause()
	m.TLB.flushPage(va &^ (PageSize - 1))
	m.emit(Step{Op: OpInvlpg, VA: va})
}

// FlushTLBAll drops every cached translation of all processors: an interrupt to
// each, or MMUEXT_TLB_FLUSH_ALL.
func (m *Machine) FlushTLBAll() {
	m.pause()
	if m.L.Hyper != nil {
		m.flushDomain()
	} else {
		m.TLB.flush(true)
		if m.other != nil {
			m.other.TLB.flush(true)
		}
	}
	m.emit(Step{Op: OpFlush, All: true})
}

// FlushPageAll drops the cached translation of one page on all processors
// (MMUEXT_INVLPG_ALL).
func (m *Machine) FlushPageAll(va VA) {
	m.pause()
	m.TLB.flushPage(va &^ (PageSize - 1))
	if m.other != nil {
		m.other.TLB.flushPage(va &^ (PageSize - 1))
	}
	m.emit(Step{Op: OpInvlpg, VA: va, All: true})
}
