package model

// Frames that leave the guest and come back: to the hypervisor's heap, to another
// domain, to a device.

// othersVA is where the cached translations of other domains start, othersEnd where
// they end: theirs are other address spaces, whose pages are told apart by frame. No
// guest has such addresses.
const (
	othersVA  VA = 1 << 60
	othersEnd VA = 1 << 61
)

// linearVA is where the cached translations of the hypervisor's linear map start.
const linearVA VA = 1 << 59

// release gives a frame back to the hypervisor (Xen: decrease_reservation,
// guest_remove_page). Whoever still refers to it keeps it from being free.
func (s *State) release(f Frame) Errno {
	if !s.ours(f) || !s.info[f].Is(Allocated) || s.given(f) {
		return EINVAL
	}
	if s.rules.mutant.ReleaseUnpins && s.info[f].Is(Pinned) {
		s.touch(f).Flags &^= Pinned
		s.putPageType(f, NoFrame, false)
	}
	i := s.touch(f)
	i.Flags &^= Allocated
	i.G--
	return OK
}

func (s *State) given(f Frame) bool { return s.info[f].Is(GivenAway) }

// steal moves a frame that nobody refers to to another domain (Xen: steal_page,
// gnttab_transfer). What it was last audited as is forgotten: the next owner may
// be one whose stores nobody audits.
func (s *State) steal(f Frame) Errno {
	if !s.ours(f) || s.given(f) || !s.info[f].Is(Allocated) || s.info[f].G != 1 {
		return EINVAL
	}
	i := s.touch(f)
	i.G = 0
	if !s.rules.mutant.StealAllocated {
		i.Flags &^= Allocated
	}
	if !s.rules.mutant.StealKeepsType {
		i.Typ = TypeNone
		i.Flags &^= Validated | PAEXenL2
	}
	i.Flags |= GivenAway
	if !s.rules.mutant.StealCached {
		s.flushEverybody()
	}
	return OK
}

// obtain gives the guest a frame: a free one from the heap, or one that another
// domain owns (Xen: populate_physmap, alloc_heap_pages; gnttab_transfer). No
// processor keeps a translation from before: the real one leaves the flush out
// if there was one in between.
func (s *State) obtain(f Frame) Errno {
	if f == NoFrame || !s.L.Map.IsGuest(f) || s.info[f].G != 0 {
		return EINVAL
	}
	i := s.touch(f)
	if !s.given(f) {
		*i = FrameInfo{Stamp: i.Stamp, Flags: i.Flags & ForDevice}
	}
	i.Flags = i.Flags&^GivenAway | Allocated
	i.G = 1
	if s.dealings.device {
		// New memory is mapped for the device at once.
		i.Flags |= ForDevice
	}
	s.flushEverybody()
	return OK
}

// storeOther has the domain that owns a frame for the time being store to it.
func (s *State) storeOther(f Frame, slot int, e Entry) Errno {
	if f == NoFrame || !s.given(f) {
		return EINVAL
	}
	s.SetEntry(s.rules.geo, f, slot, e)
	return OK
}

// lend has another domain map a frame writable: a grant if the frame is the
// guest's (Xen: map_grant_ref), a mapping without a type if it belongs to a
// domain whose types nobody counts (Xen: get_page_from_l1e for an external
// owner).
func (s *State) lend(f Frame) Errno {
	if f == NoFrame {
		return EINVAL
	}
	if !s.given(f) {
		if s.getPageType(f, TypeWritable, false, false) != OK {
			return EINVAL
		}
		s.dealings.lend(f)
	}
	s.TLB.fill(tlbEntry{page: othersVA + VA(f)<<PageShift, frame: f, write: true})
	return OK
}

// unlend ends such a mapping. A grant's goes with a flush (Xen:
// gnttab_flush_tlb); the other domain's own need not.
func (s *State) unlend(f Frame) Errno {
	if !s.dealings.takeBack(f) {
		return EINVAL
	}
	if !s.rules.mutant.UnlentCached {
		s.TLB.flushPage(othersVA + VA(f)<<PageShift)
	}
	s.putPageType(f, NoFrame, false)
	return OK
}

// unlendDevice ends the part of a grant mapping that is for devices. No mapping
// has such a part (Xen: unmap_common with a dev_bus_addr).
func (s *State) unlendDevice(f Frame) Errno {
	if s.rules.mutant.UnmapsTwice && f != NoFrame && s.ours(f) && s.info[f].InUseAs(TypeWritable) {
		s.putPageType(f, NoFrame, false)
		return OK
	}
	return EINVAL
}

// assign gives the guest a device, which may write to what is Writable (Xen:
// assign_device, arch_iommu_populate_page_table).
func (s *State) assign() Errno {
	if s.dealings.device {
		return EINVAL
	}
	s.dealings.device = true
	for f := range s.L.Map.Guest() {
		if i := &s.info[f]; i.G > 0 && i.Typ == TypeWritable {
			s.touch(Frame(f)).Flags |= ForDevice
		}
	}
	return OK
}

// deviceFollows gives or takes a frame from the device when its type changes
// (Xen: the end of _get_page_type).
func (s *State) deviceFollows(f Frame, was, now Type) {
	switch {
	case now == TypeWritable:
		s.touch(f).Flags |= ForDevice
	case was == TypeWritable || !s.rules.mutant.DeviceKeepsUntyped:
		s.touch(f).Flags &^= ForDevice
	}
}

// storeResult stores what a hypercall returns through a pointer of the guest's,
// which must not lead into the hypervisor's half of the address space (Xen:
// memory_exchange, access_ok). The pointer here is the hypervisor's own address
// of a word.
func (s *State) storeResult(f Frame, slot int, result MFN) Errno {
	if !s.rules.mutant.UncheckedStore {
		return EFAULT
	}
	s.SetEntry(s.rules.geo, f, slot, Entry(result))
	return OK
}

// unshare frees a frame that the hypervisor shares with the guest (Xen:
// gnttab_unpopulate_status_frames). It fails while the guest maps it.
func (s *State) unshare(f Frame) Errno {
	if f == NoFrame || s.L.Map.IsGuest(f) || !s.info[f].Is(Allocated) {
		return EINVAL
	}
	if s.info[f].G > 1 && !s.rules.mutant.FreesShared {
		return EBUSY
	}
	*s.touch(f) = FrameInfo{}
	return OK
}

// m2pUpdate sets what the list of frames says of a frame (Xen: the case
// MMU_MACHPHYS_UPDATE of do_mmu_update). The list is not modelled; numbers beyond
// the guest's own frames are refused.
func (s *State) m2pUpdate(f Frame, pfn Entry) Errno {
	if pfn < Entry(s.L.Map.Guest()) || !s.rules.mutant.LeaksOnM2P {
		return OK
	}
	s.touch(f).G++
	return EINVAL
}

// leafThroughMap finds the leaf table of an address as a hypervisor with a linear
// map does: the L2 is where the TLB has it, if it has.
func (s *State) leafThroughMap(root Frame, va VA) Frame {
	g := s.rules.geo
	page := linearVA + va/g.Span(3)<<PageShift
	l2 := NoFrame
	if t, ok := s.TLB.lookup(page); ok {
		l2 = t.frame
	} else {
		l2 = root
		for level := g.Levels; level > 2; level-- {
			slot := g.Index(va, level)
			if l2 == NoFrame || slot >= g.Slots[level] || !s.Entry(g, l2, slot).Is(Present) {
				return NoFrame
			}
			l2 = s.L.Map.Frame(s.Entry(g, l2, slot).MFN())
		}
		if l2 == NoFrame {
			return NoFrame
		}
		s.TLB.fill(tlbEntry{page: page, frame: l2})
	}
	slot := g.Index(va, 2)
	if slot >= g.Slots[2] || !s.Entry(g, l2, slot).Is(Present) || s.Entry(g, l2, slot).Is(PSE) {
		return NoFrame
	}
	return s.L.Map.Frame(s.Entry(g, l2, slot).MFN())
}

// iret is a batch of two: a return to user mode and, behind it, an update of an
// address. The kernel's hypercalls end with the change (Xen: do_multicall,
// do_iret).
func (s *State) iret(va VA, e Entry) (Frame, int, Errno) {
	if s.CPU.UserCR3 == NoFrame || !s.rules.mutant.BatchGoesOn {
		return NoFrame, 0, OK
	}
	s.dealings.userMode = true
	f, off, rc := s.updateVAMapping(va, e, UVMFNone)
	s.dealings.userMode = false
	return f, off, rc
}
