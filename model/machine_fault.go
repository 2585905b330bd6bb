package model

// mostFaults is how often one access may fault and be handled before the kernel
// is taken to be caught in a loop.
const mostFaults = 3

// PageFault is what a fault handler gets to know.
type PageFault struct {
	VA    VA
	Write bool // the access was a store (error code bit 1)
	// Present says that the address is mapped and the rights are missing (bit 0).
	Present bool
}

// handled delivers a page fault to the kernel, if it has a handler, and reports
// whether the access is worth another try. tries counts the faults that the
// access has met before.
func (m *Machine) handled(f PageFault, tries int) bool {
	if m.OnFault == nil || m.L.Life == nil || tries == mostFaults {
		return false
	}
	m.emit(Step{Op: OpFault, VA: f.VA})
	if !m.OnFault(f) {
		return false
	}
	m.emit(Step{Op: OpResume, VA: f.VA})
	return true
}

// staleReadOnly reports whether the kernel sees a fault on a store because the
// processor holds a read-only translation of a page that is writable by now: the
// hypervisor takes such a fault for none of its business. The fault drops the
// translation, as on real processors. It matters only to kernels that have a fault
// handler; the others are taken to be lucky.
func (m *Machine) staleReadOnly(page VA, write bool) bool {
	if m.OnFault == nil || m.L.Life == nil || !write || !m.CPU.WP {
		return false
	}
	e, ok := m.TLB.lookup(page)
	if !ok || e.write {
		return false
	}
	m.TLB.flushPage(page)
	t, fault := m.Walk(page)
	return fault == WalkOK && t.RW
}

// Suspend is SCHEDOP_shutdown with SHUTDOWN_suspend: the guest is saved or moved,
// and goes on later. Here it goes on at once, on the same machine.
func (m *Machine) Suspend() {
	m.spend()
	m.emit(Step{Op: OpSuspend})
}

// OnOther has the other processor run a piece of kernel code, as an interrupt
// does, and waits for it. Where there is none the kernel waits for ever.
func (m *Machine) OnOther(fn func()) {
	m.pause()
	if m.other == nil {
		m.Die(Crash{Kind: CrashDeadlock})
	}
	duo := m.duo
	m.duo, m.interrupts = nil, true
	m.SwitchProcessor()
	defer func() {
		m.SwitchProcessor()
		m.duo, m.interrupts = duo, false
	}()
	fn()
}
