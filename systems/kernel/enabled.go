package kernel

import "github.com/ptcheck/ptcheck/model"

// calls appends the codes of the calls that the protocol allows in a state.
func calls(dst []uint64, s *model.State) []uint64 {
	add := func(k model.CallKind, arg uint32) { dst = append(dst, Call{Kind: k, Arg: arg}.Code()) }
	switch s.Kernel.Phase {
	case model.PhaseBoot:
		add(model.CallSetupStart, 0)
		return dst
	case model.PhaseStarted:
		step := leafFrames(s.L)
		for pfn := model.PFN(0); pfn < s.L.Kernel.MaxLowPFN; pfn += step {
			add(model.CallMap, uint32(pfn))
		}
		add(model.CallMap, AllLeaves)
		add(model.CallRange, RangeFixmap)
		if s.L.Kernel.Highmem {
			add(model.CallRange, RangePkmap)
		}
		if constructed(s) {
			add(model.CallSetupDone, 0)
		}
	case model.PhaseDone:
		add(model.CallLoadRoot, 0)
	case model.PhaseLoaded:
		add(model.CallZap, 0)
	}
	if hasTable(s, s.L.Fix(FixOwn)) {
		if s.L.Kernel.Spare != s.L.Kernel.Root {
			add(model.CallFixmap, FixOwn)
		}
		add(model.CallAlias, FixAlias)
		if s.L.Hyper != nil && s.Kernel.Phase >= model.PhaseLoaded && s.L.Kernel.Spare != s.L.Kernel.Root {
			add(model.CallAlias, FixOwn) // an index that maps something else
		}
	}
	if s.Kernel.Phase >= model.PhaseLoaded {
		dst = secondCalls(dst, s)
	}
	return dst
}

// secondCalls appends the calls of the second address space.
func secondCalls(dst []uint64, s *model.State) []uint64 {
	k := &s.Kernel
	if k.Second == model.NoFrame {
		// A second root, and with three levels an L2 for each of its slots.
		if !available(s, 1+s.L.Geo.Slots[3]) {
			return dst
		}
		return append(dst, Call{Kind: model.CallPgdAlloc}.Code())
	}
	if s.L.Hyper == nil || !k.SecondPinned {
		dst = append(dst, Call{Kind: model.CallActivate}.Code())
	}
	if s.L.Hyper != nil && !k.SecondPinned {
		return dst
	}
	if s.CPU.CR3 == k.Second {
		dst = append(dst, Call{Kind: model.CallSwitch}.Code())
		if s.L.Hyper == nil {
			return dst // nobody takes the root away from under a bare CPU
		}
	} else {
		dst = append(dst, Call{Kind: model.CallSwitch, Arg: 1}.Code())
	}
	return append(dst, Call{Kind: model.CallExit}.Code())
}

// leafFrames is the number of frames that a leaf of low memory maps.
func leafFrames(l *model.Layout) model.PFN {
	if l.Kernel.HasPSE {
		return model.PFN(l.Geo.Span(2) >> model.PageShift)
	}
	return 1
}

// constructed reports whether everything that precedes setup_done has been
// done: every leaf of low memory mapped, every table range created.
func constructed(s *model.State) bool {
	for pfn := model.PFN(0); pfn < s.L.Kernel.MaxLowPFN; pfn += leafFrames(s.L) {
		t, fault := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.VA(pfn.PA()))
		// The start of the day leaves pages open to user code, the kernel none. Leaves of
		// the kernel's in a 64-bit guest have Xen's mark instead.
		if fault != model.WalkOK || t.Entry.Is(model.User) && !t.Entry.Is(model.GuestKernel) {
			return false
		}
	}
	return hasTable(s, s.L.Fix(NrFixed-1)) && (!s.L.Kernel.Highmem || hasTable(s, s.L.Kernel.PkmapBase))
}

// hasTable reports whether an L1 table for va hangs on the kernel's root.
func hasTable(s *model.State, va model.VA) bool {
	t, fault := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), va)
	return t.Level == 1 && (fault == model.WalkOK || fault == model.WalkNotPresent)
}

// available reports whether the boot allocator has n more frames before it runs
// out or into the kernel's own.
func available(s *model.State, n int) bool {
	next, end := s.Kernel.BootmemNext, s.Kernel.BootmemNext+model.PFN(n)
	root := s.L.Kernel.Root
	return end <= s.L.Kernel.MaxLowPFN && (root < next || root >= end)
}
