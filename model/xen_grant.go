package model

import "slices"

// Grants that the guest maps into tables of its own, at the machine address of an
// entry (Xen: GNTMAP_contains_pte). What is granted are its own frames: a domain may
// map its own grants.

// grant is a mapping of a grant.
type grant struct {
	table Frame
	slot  int
	frame Frame
	write bool
}

// grantPTE maps a frame by a grant at a byte offset of a leaf table, which must be
// that of an entry (Xen: map_grant_ref, create_grant_pv_mapping). The old entry
// gives up what it holds. Flags of the entry are the hypervisor's choice.
func (s *State) grantPTE(table Frame, off int, f Frame, write bool) (Entry, Errno) {
	g := s.rules.geo
	e := MakeEntry(s.L.Map.MFN(f), Present|Accessed|Dirty)
	if write {
		e |= RW
	}
	if off%g.Width != 0 {
		return e, s.misplaced(table, off, f)
	}
	slot := off / g.Width
	if !s.ours(table) || !s.info[table].InUseAs(TypeL1) || !s.info[table].Is(Validated) || !s.ours(f) || slot >= g.Slots[1] {
		return e, EINVAL
	}
	mark := s.mark()
	if write && s.getPageType(f, TypeWritable, false, false) != OK {
		return e, s.settle(mark, EINVAL)
	}
	if !write {
		s.touch(f).G++
	}
	old := s.Entry(g, table, slot)
	s.SetEntry(g, table, slot, s.rules.adjust(ByGrantEntry, 1, e))
	if !s.rules.mutant.GrantKeepsOld {
		s.putLeaf(old)
	}
	s.dealings.granted = append(s.dealings.granted, grant{table, slot, f, write})
	return e, OK
}

// misplaced refuses a mapping between two entries. Only a mutant makes it.
func (s *State) misplaced(table Frame, off int, f Frame) Errno {
	if !s.rules.mutant.MisalignedPTE || !s.ours(table) || !s.info[table].InUseAs(TypeL1) || !s.ours(f) {
		return EINVAL
	}
	if s.getPageType(f, TypeWritable, false, false) != OK {
		return EINVAL
	}
	s.dealings.lend(f)
	s.storeFrame(table, off, 8, uint64(MakeEntry(s.L.Map.MFN(f), Present|RW)))
	return OK
}

// ungrantPTE ends the mapping of a grant: the entry must still be the one that was
// made for it, for otherwise its references are gone with it (Xen:
// replace_grant_pv_mapping, unmap_common). The TLB is flushed before the references
// are given back (gnttab_flush_tlb, unmap_common_complete).
func (s *State) ungrantPTE(table Frame, off int) Errno {
	g := s.rules.geo
	n := slices.IndexFunc(s.dealings.granted, func(x grant) bool { return x.table == table && x.slot*g.Width == off })
	if n < 0 {
		return EINVAL
	}
	x := s.dealings.granted[n]
	e := s.Entry(g, table, x.slot)
	same := e.Is(Present) && s.L.Map.Frame(e.MFN()) == x.frame && e.Is(RW) == x.write
	if !s.info[table].InUseAs(TypeL1) || !s.info[table].Is(Validated) || !same && !s.rules.mutant.UngrantsAnything {
		return EINVAL
	}
	s.dealings.granted = slices.Delete(s.dealings.granted, n, n+1)
	s.SetEntry(g, table, x.slot, 0)
	if !s.rules.mutant.UngrantCached {
		s.flushDomain()
	}
	s.putLeaf(MakeEntry(s.L.Map.MFN(x.frame), e.Flags()&^RW|Present|writeBit(x.write)))
	return OK
}

func writeBit(write bool) Entry {
	if write {
		return RW
	}
	return 0
}
