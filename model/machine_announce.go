package model

// Announce tells a hypervisor that keeps shadows of the guest's tables that
// width bytes at a physical address of a table have changed, as VMI's
// update_pte and lguest's LHCALL_SET_PTE and LHCALL_SET_PMD do. Such a guest
// writes its tables itself; the processor uses the shadows.
//
// The shadows are modelled by the TLB: a sticky one holds each translation that
// was used until the hypervisor hears of a change. It then drops them all, which
// it may do at any time.
func (m *Machine) Announce(pa PA, width int) {
	m.pause()
	m.TLB.flush(true)
	if m.other != nil {
		m.other.TLB.flush(true)
	}
	m.emit(Step{Op: OpAnnounce, Frame: Frame(pa.PFN()), Off: int(pa & (PageSize - 1)), Width: width})
}
