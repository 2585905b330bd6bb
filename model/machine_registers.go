package model

// Control registers and TLB flushes of the processors.

// LoadCR3 loads the root table register on bare metal and flushes the TLB
// except global translations. With a root that is no memory the next instruction
// faults.
func (m *Machine) LoadCR3(root Frame) {
	m.pause()
	if !m.L.Map.IsGuest(root) {
		m.Die(Crash{Kind: CrashFault, VA: m.L.Kernel.PageOffset})
	}
	m.CPU.CR3 = root
	m.loadPDPTEs()
	m.TLB.flush(false)
	m.emit(Step{Op: OpLoadCR3, Frame: root})
}

// SetCR4 switches on bits of CR4; changing PAE, PSE or PGE flushes the TLB.
func (m *Machine) SetCR4(bits CR4) { m.writeCR4(m.CPU.CR4 | bits) }

// ClearCR4 switches bits of CR4 off.
func (m *Machine) ClearCR4(bits CR4) { m.writeCR4(m.CPU.CR4 &^ bits) }

func (m *Machine) writeCR4(now CR4) {
	m.pause()
	changed := m.CPU.CR4 ^ now
	if changed != 0 {
		m.TLB.flush(true)
	}
	m.CPU.CR4 = now
	if changed&CR4PAE != 0 {
		m.loadPDPTEs()
	}
	m.emit(Step{Op: OpSetCR4, Value: uint64(now)})
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
	switch {
	case m.L.Hyper == nil:
		m.TLB.flush(true)
		if m.other != nil {
			m.other.TLB.flush(true)
		}
	case m.rules.mutant.FlushesHere:
		m.flushAll()
	default:
		m.flushDomain()
	}
	m.emit(Step{Op: OpFlush, All: true})
}

// FlushPageAll drops the cached translation of one page on all processors
// (MMUEXT_INVLPG_ALL).
func (m *Machine) FlushPageAll(va VA) {
	m.pause()
	m.TLB.flushPage(va &^ (PageSize - 1))
	if m.other != nil && !(m.rules != nil && m.rules.mutant.FlushesHere) {
		m.other.TLB.flushPage(va &^ (PageSize - 1))
	}
	m.emit(Step{Op: OpInvlpg, VA: va, All: true})
}
