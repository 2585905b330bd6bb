package model

// dealingVerbs are operations that a booting kernel never makes and a hostile guest
// does, some of them with the help of another domain. It is never written to.
var dealingVerbs = []Verb{
	{
		Name: "finish", Says: "release the table that an interrupted operation left behind",
		Issue: func(m *Machine, _ Operands) Errno { return m.Finish() },
	}, {
		Name: "finish-part", Args: []Operand{OperandPlace}, Says: "a finish that is interrupted at the n-th place", Example: "finish-part 1",
		Issue: func(m *Machine, o Operands) Errno { return m.interrupted(o.Place, m.Finish) },
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
			return m.GrantPTE(m.named(o.Frame), int(o.N)*8+4, m.named(o.Second), true)
		},
	}, {
		Name: "grant-map", Args: []Operand{OperandFrame, OperandSlot, OperandFrame},
		Says: "map a grant of the second frame, writable, at a slot of the first", Example: "grant-map f1 0 f2",
		Issue: func(m *Machine, o Operands) Errno {
			return m.GrantPTE(m.named(o.Frame), int(o.N)*8, m.named(o.Second), true)
		},
	}, {
		Name: "grant-read", Args: []Operand{OperandFrame, OperandSlot, OperandFrame},
		Says: "map a grant of the second frame, read-only, at a slot of the first", Example: "grant-read f1 0 f2",
		Issue: func(m *Machine, o Operands) Errno {
			return m.GrantPTE(m.named(o.Frame), int(o.N)*8, m.named(o.Second), false)
		},
	}, {
		Name: "grant-unmap", Args: []Operand{OperandFrame, OperandSlot}, Says: "end the mapping of a grant at a slot", Example: "grant-unmap f1 0",
		Issue: func(m *Machine, o Operands) Errno { return m.UngrantPTE(m.named(o.Frame), int(o.N)*8) },
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
		Name: "assist-stores", Args: []Operand{OperandSwitch}, Says: "vm_assist: have stores to leaf tables carried out (1) or not (0)", Example: "assist-stores 1",
		Issue: func(m *Machine, o Operands) Errno { return m.assist(AssistStores, o.N != 0) },
	}, {
		Name: "assist-m2p", Args: []Operand{OperandSwitch}, Says: "vm_assist: keep the list of frames from user mode (1) or not (0)", Example: "assist-m2p 1",
		Issue: func(m *Machine, o Operands) Errno { return m.assist(AssistM2PStrict, o.N != 0) },
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

// interrupted has an operation interrupted at a place.
func (m *Machine) interrupted(place int, issue func() Errno) Errno {
	m.Interrupt(place)
	defer m.Interrupt(0)
	return issue()
}

// releasing is an operation that may leave a table behind when it is interrupted. A
// processor remembers one unfinished table, and makes no other hypercall before that is
// released.
func (m *Machine) releasing(place int, issue func() Errno) Errno {
	if m.Pending() != NoFrame {
		return EINVAL
	}
	return m.interrupted(place, issue)
}

// pinBusy is a pin that finds another processor at work on a table.
func (m *Machine) pinBusy(level int, mfn, busy MFN) Errno {
	m.Busy(m.named(busy))
	defer m.Busy(NoFrame)
	return m.Pin(level, mfn)
}

// assist switches an assist on or off.
func (m *Machine) assist(kind uint64, on bool) Errno {
	return m.dealt(NoFrame, m.VMAssist(kind, on))
}

// pinLate is a pin that leaves what its failure is to give up to [Machine.Finish].
func (m *Machine) pinLate(level int, mfn MFN) Errno {
	m.Defer(true)
	defer m.Defer(false)
	return m.Pin(level, mfn)
}
