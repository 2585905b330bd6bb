package model

// Hypercalls as the guest makes them. Each is one Step; a refused one leaves
// memory and frame records as they were, and it is up to the guest to look at
// the answer. The rules behind them are in the xen_*.go files.

// UVMF says what update_va_mapping flushes (Xen: UVMF_* in public/xen.h).
type UVMF uint8

// Flush requests: nothing, everything, the page; UVMFAll, beside one of these, on all
// processors, not only the one that runs.
const (
	UVMFNone UVMF = iota
	UVMFFlush
	UVMFInvlpg
	UVMFAll UVMF = 4
)

// What is what is to be flushed, Everywhere whether on all processors.
func (u UVMF) What() UVMF       { return u &^ UVMFAll }
func (u UVMF) Everywhere() bool { return u&UVMFAll != 0 }

// Low bits of the pointer of an mmu_update (Xen: MMU_* in public/xen.h).
const (
	MMUNormal     uint64 = 0
	MMUMachPhys   uint64 = 1
	MMUPreserveAD uint64 = 2
)

// ask begins a hypercall. It reports whether the hypervisor takes it up, with the answer
// if not: the one that Refuse names is refused. On bare metal there is no hypercall page
// to call.
func (m *Machine) ask(op Op) (rc Errno, granted bool) {
	if m.L.Hyper == nil {
		m.Die(Crash{Kind: CrashNullCall, Where: "hypercall_page"})
	}
	if m.refusable>>op&1 == 0 {
		return OK, true
	}
	m.Hypercalls++
	switch {
	case m.Hypercalls == m.Refuse:
		return ENOMEM, false
	case m.rules.mutant.Restarts != RestartsNone:
		return OK, m.restart(op)
	}
	return OK, true
}

// restart interrupts a hypercall before anything is done. What the guest runs next is
// the hypercall itself, unless the hypervisor forgets to see to that
// (Xen: hypercall_create_continuation, which takes the guest's program counter back).
func (m *Machine) restart(op Op) (again bool) {
	m.emit(Step{Op: op, Errno: ERESTART, Frame: NoFrame})
	return m.rules.mutant.Restarts == RestartsMade
}

// MMUUpdate writes an entry of any table: ptr is its machine byte address, with
// MMUNormal or MMUPreserveAD in the low bits.
func (m *Machine) MMUUpdate(ptr uint64, val Entry) Errno {
	m.pause()
	rc, granted := m.ask(OpMMUUpdate)
	if granted {
		rc = m.mmuUpdate(ptr, val)
	}
	if m.watched() {
		f := m.L.Map.Frame(MFN(ptr >> PageShift))
		m.emit(Step{Op: OpMMUUpdate, Errno: rc, Frame: f, Off: int(ptr & (PageSize - 1) &^ 3), Width: m.L.Geo.Width, Value: uint64(val),
			Cmd: uint8(ptr & uint64(m.L.Geo.Width-1))})
	}
	return rc
}

// UpdateVAMapping writes the L1 entry that maps va in the current tables.
func (m *Machine) UpdateVAMapping(va VA, val Entry, flush UVMF) Errno {
	m.pause()
	f, off := NoFrame, 0
	rc, granted := m.ask(OpUpdateVA)
	if granted {
		f, off, rc = m.updateVAMapping(va, val, flush)
	}
	if m.watched() {
		m.emit(Step{Op: OpUpdateVA, Errno: rc, VA: va, Frame: f, Off: off, Width: m.L.Geo.Width, Value: uint64(val),
			Cmd: uint8(flush.What()), All: flush.Everywhere()})
	}
	return rc
}

// Pin makes the hypervisor hold a frame as a table of the given level.
func (m *Machine) Pin(level int, mfn MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpPin)
	if granted {
		rc = m.pin(level, mfn)
	}
	if m.watched() {
		m.emit(Step{Op: OpPin, Errno: rc, Level: level, Frame: m.L.Map.Frame(mfn), Value: uint64(mfn)})
	}
	return rc
}

// Unpin gives up a pin.
func (m *Machine) Unpin(mfn MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpUnpin)
	if granted {
		rc = m.unpin(mfn)
	}
	if m.watched() {
		m.emit(Step{Op: OpUnpin, Errno: rc, Frame: m.L.Map.Frame(mfn), Value: uint64(mfn)})
	}
	return rc
}

// NewBaseptr switches to another kernel root.
func (m *Machine) NewBaseptr(mfn MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpNewBaseptr)
	if granted {
		rc = m.newBaseptr(mfn)
	}
	if m.watched() {
		m.emit(Step{Op: OpNewBaseptr, Errno: rc, Frame: m.L.Map.Frame(mfn), Value: uint64(mfn)})
	}
	return rc
}

// NewUserBaseptr sets the user root of a 64-bit guest; MFN 0 means none.
func (m *Machine) NewUserBaseptr(mfn MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpUserBaseptr)
	if granted {
		rc = m.newUserBaseptr(mfn)
	}
	if m.watched() {
		m.emit(Step{Op: OpUserBaseptr, Errno: rc, Frame: m.L.Map.Frame(mfn), Value: uint64(mfn)})
	}
	return rc
}

// ClearFrame is MMUEXT_CLEAR_PAGE.
func (m *Machine) ClearFrame(mfn MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpClearFrame)
	if granted {
		rc = m.clearFrame(mfn)
	}
	if m.watched() {
		m.emit(Step{Op: OpClearFrame, Errno: rc, Frame: m.L.Map.Frame(mfn), Value: uint64(mfn)})
	}
	return rc
}

// CopyFrame is MMUEXT_COPY_PAGE.
func (m *Machine) CopyFrame(dst, src MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpCopyFrame)
	if granted {
		rc = m.copyFrame(dst, src)
	}
	if m.watched() {
		m.emit(Step{Op: OpCopyFrame, Errno: rc, Frame: m.L.Map.Frame(dst), Value: uint64(src)})
	}
	return rc
}

// SetGDT is the hypercall set_gdt with the frames of the descriptor table.
func (m *Machine) SetGDT(frames ...MFN) Errno {
	m.pause()
	rc, granted := m.ask(OpSetGDT)
	if granted {
		rc = m.setGDT(frames)
	}
	f := NoFrame
	if len(frames) > 0 {
		f = m.L.Map.Frame(frames[0])
	}
	if m.watched() {
		m.emit(Step{Op: OpSetGDT, Errno: rc, Frame: f, Level: len(frames)})
	}
	return rc
}

// MMUItem is one item of an mmu_update.
type MMUItem struct {
	Ptr uint64 // as of MMUUpdate
	Val Entry
}

// MMUUpdates carries out several items in one hypercall. It stops at the first
// refused one and returns how many were done.
func (m *Machine) MMUUpdates(items []MMUItem) (done int, rc Errno) {
	for _, u := range items {
		if rc := m.MMUUpdate(u.Ptr, u.Val); rc != OK {
			return done, rc
		}
		done++
	}
	return done, OK
}

// AssistM2PStrict is the number of the assist that keeps Xen's list of frames
// from user mode (Xen: VMASST_TYPE_m2p_strict), AssistStores that of the assist
// that has stores to leaf tables carried out (VMASST_TYPE_writable_pagetables).
const (
	AssistM2PStrict = 32
	AssistStores    = 2
)

// VMAssist is the hypercall vm_assist: it switches an assist on or off. The
// hardware domain's stores are carried out without it.
func (m *Machine) VMAssist(kind uint64, on bool) Errno {
	switch {
	case kind == AssistStores && m.L.Hyper.StoresOnRequest:
		m.storesOff = !on
	case kind == AssistM2PStrict && m.L.Geo.SignExtend && m.rules.modern:
		m.strictM2P = on
	case kind > 5:
		return EINVAL
	}
	return OK
}
