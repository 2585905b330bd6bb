package model

// Operations that a booting kernel never makes and a hostile guest does, some of
// them with the help of another domain. Each is one Step.

// Interrupt has the next operations stop where they ask for the n-th time whether
// they should, counted from 1; 0: nowhere.
func (m *Machine) Interrupt(n int) { m.preempt = n }

// Defer leaves the release of a table whose audit fails to [Machine.Finish], as
// if another processor's operations came first.
func (m *Machine) Defer(on bool) { m.defers = on }

// Busy has the next operations find another processor at work on a table whose
// audit was interrupted, and be interrupted while they wait for it; NoFrame: on
// none.
func (m *Machine) Busy(f Frame) { m.busy = f }

// Finish gives up the table that an interrupted operation left behind.
func (m *Machine) Finish() Errno { return m.dealt(NoFrame, m.finishPending()) }

// Release is XENMEM_decrease_reservation of one frame.
func (m *Machine) Release(f Frame) Errno { return m.dealt(f, m.release(f)) }

// Steal is GNTTABOP_transfer of a frame to another domain.
func (m *Machine) Steal(f Frame) Errno { return m.dealt(f, m.steal(f)) }

// Obtain is XENMEM_populate_physmap of a free frame, or the transfer back of one
// that was given away.
func (m *Machine) Obtain(f Frame) Errno { return m.dealt(f, m.obtain(f)) }

// StoreOther is a store of the domain that a frame was given to.
func (m *Machine) StoreOther(f Frame, slot int, e Entry) Errno {
	return m.stored(f, slot*m.L.Geo.Width, e, m.storeOther(f, slot, e))
}

// Lend has another domain map a frame writable.
func (m *Machine) Lend(f Frame) Errno { return m.dealt(f, m.lend(f)) }

// Unlend ends a mapping of another domain.
func (m *Machine) Unlend(f Frame) Errno { return m.dealt(f, m.unlend(f)) }

// UnlendDevice ends a mapping for a device that was never made.
func (m *Machine) UnlendDevice(f Frame) Errno { return m.dealt(f, m.unlendDevice(f)) }

// GrantPTE is GNTTABOP_map_grant_ref of a frame at the byte offset off of a leaf
// table.
func (m *Machine) GrantPTE(table Frame, off int, f Frame, write bool) Errno {
	e, rc := m.grantPTE(table, off, f, write)
	return m.stored(table, off, e, rc)
}

// UngrantPTE is GNTTABOP_unmap_grant_ref of such a mapping.
func (m *Machine) UngrantPTE(table Frame, off int) Errno {
	return m.stored(table, off, 0, m.ungrantPTE(table, off))
}

// AssignDevice gives the guest a device.
func (m *Machine) AssignDevice() Errno { return m.dealt(NoFrame, m.assign()) }

// StoreResult is a hypercall that stores a frame number through a pointer into
// the hypervisor's memory, at a slot of a frame.
func (m *Machine) StoreResult(f Frame, slot int, result MFN) Errno {
	return m.stored(f, slot*m.L.Geo.Width, Entry(result), m.storeResult(f, slot, result))
}

// Unshare has the hypervisor free a frame that it shares with the guest.
func (m *Machine) Unshare(f Frame) Errno { return m.dealt(f, m.unshare(f)) }

// Iret is a multicall: a return to user mode, then update_va_mapping.
func (m *Machine) Iret(va VA, val Entry) Errno {
	f, off, rc := m.iret(va, val)
	m.emit(Step{Op: OpUpdateVA, Errno: rc, VA: va, Frame: f, Off: off, Width: m.L.Geo.Width, Value: uint64(val)})
	return rc
}

// dealt reports the end of an operation.
func (m *Machine) dealt(f Frame, rc Errno) Errno {
	m.emit(Step{Op: OpDealing, Errno: rc, Frame: f})
	return rc
}

// stored reports the end of an operation that stores an entry.
func (m *Machine) stored(f Frame, off int, e Entry, rc Errno) Errno {
	m.emit(Step{Op: OpDealing, Errno: rc, Frame: f, Off: off, Width: m.L.Geo.Width, Value: uint64(e)})
	return rc
}

// Kill destroys the guest.
func (m *Machine) Kill() Errno { return m.dealt(NoFrame, m.kill()) }

// EmulateAt is a store of the guest's to a leaf table that the hypervisor has carried out,
// of a whole entry: for machines of which the entry is known and not the address that was
// stored to.
func (m *Machine) EmulateAt(f Frame, slot int, e Entry) Errno {
	rc := m.emulateAt(f, slot, e)
	m.emit(Step{Op: OpEmulate, Errno: rc, Frame: f, Off: slot * m.L.Geo.Width, Width: m.L.Geo.Width, Value: uint64(e)})
	return rc
}
