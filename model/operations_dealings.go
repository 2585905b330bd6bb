package model

// dealingVerbs are operations that a booting kernel never makes and a hostile guest
// does, some of them with the help of another domain. It is never written to.
var dealingVerbs = []Verb{
	{
		Name: "finish", Says: "release the table that an interrupted operation left behind",
		Issue: func(m *Machine, _ Operands) Errno { return m.Finish() },
	}, {
		Name: "release", Args: []Operand{OperandFrame}, Says: "XENMEM_decrease_reservation", Example: "release f2",
		Issue: func(m *Machine, o Operands) Errno { return m.Release(m.named(o.Frame)) },
	}, {
		Name: "give", Args: []Operand{OperandFrame}, Says: "GNTTABOP_transfer to another domain", Example: "give f2",
		Issue: func(m *Machine, o Operands) Errno { return m.Steal(m.named(o.Frame)) },
	}, {
		Name: "obtain", Args: []Operand{OperandFrame}, Says: "get a free frame, or one that was given away", Example: "obtain f2",
		Issue: func(m *Machine, o Operands) Errno { return m.Obtain(m.named(o.Frame)) },
	}, {
		Name: "other", Args: []Operand{OperandFrame, OperandSlot, OperandEntry}, Says: "a store of the domain that owns the frame", Example: "other f2 0 f1:P",
		Issue: func(m *Machine, o Operands) Errno { return m.StoreOther(m.named(o.Frame), int(o.N), o.Entry) },
	}, {
		Name: "lend", Args: []Operand{OperandFrame}, Says: "another domain maps the frame writable", Example: "lend f2",
		Issue: func(m *Machine, o Operands) Errno { return m.Lend(m.named(o.Frame)) },
	}, {
		Name: "unlend", Args: []Operand{OperandFrame}, Says: "the other domain unmaps it", Example: "unlend f2",
		Issue: func(m *Machine, o Operands) Errno { return m.Unlend(m.named(o.Frame)) },
	}, {
		Name: "unlend-device", Args: []Operand{OperandFrame}, Says: "the other domain unmaps it for a device for which it was never mapped", Example: "unlend-device f2", Denied: true,
		Issue: func(m *Machine, o Operands) Errno { return m.UnlendDevice(m.named(o.Frame)) },
	}, {
		Name: "grant-pte", Args: []Operand{OperandFrame, OperandSlot, OperandFrame}, Denied: true,
		Says: "map a grant of the second frame between two entries of the first", Example: "grant-pte f1 0 f2",
		Issue: func(m *Machine, o Operands) Errno {
			return m.GrantPTE(m.named(o.Frame), int(o.N)*8+4, m.named(o.Second))
		},
	}, {
		Name: "assign", Says: "the guest gets a device",
		Issue: func(m *Machine, _ Operands) Errno { return m.AssignDevice() },
	}, {
		Name: "result", Args: []Operand{OperandFrame, OperandSlot, OperandFrame}, Denied: true,
		Says: "a hypercall stores a frame number through a pointer to the hypervisor's memory", Example: "result f1 0 f2",
		Issue: func(m *Machine, o Operands) Errno { return m.StoreResult(m.named(o.Frame), int(o.N), o.Second) },
	}, {
		Name: "unshare", Args: []Operand{OperandOther}, Says: "the hypervisor frees a frame that it shares", Example: "unshare f5",
		Issue: func(m *Machine, o Operands) Errno { return m.Unshare(m.named(o.Frame)) },
	}, {
		Name: "kill", Says: "the guest is destroyed",
		Issue: func(m *Machine, _ Operands) Errno { return m.Kill() },
	},
}

// named is the frame that an operand names.
func (m *Machine) named(mfn MFN) Frame { return m.L.Map.Frame(mfn) }

// pointer is the machine address of the slot that operands name.
func (m *Machine) pointer(o Operands) uint64 {
	return uint64(o.Frame)<<PageShift + o.N*uint64(m.L.Geo.Width)
}

// pinPart is a pin that is interrupted at a place.
func (m *Machine) pinPart(level int, mfn MFN, place int) Errno {
	m.Interrupt(place)
	defer m.Interrupt(0)
	return m.Pin(level, mfn)
}

// pinLate is a pin that leaves what its failure is to give up to [Machine.Finish].
func (m *Machine) pinLate(level int, mfn MFN) Errno {
	m.Defer(true)
	defer m.Defer(false)
	return m.Pin(level, mfn)
}

// unpinPart is an unpin that is interrupted at a place. A processor remembers one
// unfinished table, and makes no other hypercall before that is released.
func (m *Machine) unpinPart(mfn MFN, place int) Errno {
	if m.Pending() != NoFrame {
		return EINVAL
	}
	m.Interrupt(place)
	defer m.Interrupt(0)
	return m.Unpin(mfn)
}
