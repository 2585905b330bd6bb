package model

// Flushes that the rules ask for. A clock ticks with every flush; a frame is
// stamped with it when its last use as a type ends. A processor that has been
// flushed since cannot hold a translation from that use.

// flushAll drops every translation that the processor caches for the guest (Xen:
// flush_tlb_local, write_ptbase).
func (s *State) flushAll() {
	s.TLB.flushRange(0, othersVA)
	s.TLB.flushRange(othersEnd, ^VA(0))
	s.clock++
	s.flushed = s.clock
}

// flushEverybody drops what the processors of other domains cache, too (Xen:
// alloc_heap_pages flushes all for a frame that has changed hands).
func (s *State) flushEverybody() {
	if !s.rules.mutant.FlushOwnOnly {
		s.TLB.flushRange(othersVA, othersEnd)
	}
	s.flushDomain()
}

// flushStale drops cached translations of a frame that changes its type, on each
// processor that has not been flushed since its last use ended at stamp (Xen:
// tlbflush_filter in _get_page_type).
func (s *State) flushStale(stamp uint32) {
	if stamp > s.clock {
		return
	}
	if s.flushed <= stamp {
		s.flushAll()
	}
	if s.other != nil && s.other.flushed <= stamp {
		s.flushOthers()
	}
}

// flushDomain drops what all the guest's processors cache (Xen: flush_tlb_mask
// with the domain's dirty mask).
func (s *State) flushDomain() {
	s.flushAll()
	s.flushOthers()
}

// demoted flushes after a table has been released, in 3.1 (Xen: the deferred
// flush of free_page_type).
func (s *State) demoted() {
	if !s.rules.modern {
		s.flushDomain()
	}
}

// edited flushes after a change of an upper entry, since XSA-286. What the old
// entry named is given up after that only: Xen defers it to the end of the
// hypercall, so its next change of type flushes once more (Xen: do_mmu_update,
// put_pt_page with PTF_defer).
func (s *State) edited(level int) {
	if level > 1 && s.rules.modern && !s.rules.mutant.NoUpperFlush {
		s.flushDomain()
	}
}
