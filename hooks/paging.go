package hooks

import "github.com/ptcheck/ptcheck/model"

// PermanentKmapsInit creates the pkmap tables (Linux: permanent_kmaps_init,
// b239fb25), if the kernel has high memory.
func PermanentKmapsInit(k *Kernel, base model.VA) {
	c := &k.layout().Kernel
	if !c.Highmem {
		return
	}
	end := k.geo().Wrap(c.PkmapBase + model.VA(c.LastPkmap)<<model.PageShift)
	k.Fn.PageTableRangeInit(k, c.PkmapBase, end, base)
	k.pteOffset(base, c.PkmapBase) // pkmap_page_table
}

// FixmapRange is the range of addresses that the fixmap's tables cover: from
// its lowest slot rounded down to FIXADDR_TOP rounded up, to the L2 span and
// modulo the address space.
func FixmapRange(l *model.Layout) (start, end model.VA) {
	span := l.Geo.Span(2)
	start = l.Fix(l.Kernel.NrFixed-1) &^ (span - 1)
	end = l.Geo.Wrap((l.Kernel.FixTop + span - 1) &^ (span - 1))
	return start, end
}

// EnableFeatures switches on the CPU features that the leaves need: the part of
// pagetable_init between setup_start and the mappings.
func EnableFeatures(k *Kernel) {
	c := &k.layout().Kernel
	if c.HasPSE {
		k.M.SetCR4(model.CR4PSE)
	}
	if c.HasPGE {
		k.M.SetCR4(model.CR4PGE)
		k.M.Kernel.Global = true
	}
}

// SetupStart is the beginning of pagetable_init: the backend's setup_start and
// the CPU features.
func SetupStart(k *Kernel) {
	k.PV.PagetableSetupStart(k, k.Base())
	EnableFeatures(k)
	k.M.Kernel.Phase = model.PhaseStarted
}

// SetupDone is the end of pagetable_init.
func SetupDone(k *Kernel) {
	k.PV.PagetableSetupDone(k, k.Base())
	k.M.Kernel.Phase = model.PhaseDone
}

// PagetableInit builds the kernel's pagetable (Linux: pagetable_init,
// b239fb25).
func PagetableInit(k *Kernel) {
	base := k.Base()
	SetupStart(k)
	k.Fn.KernelPhysicalMappingInit(k, base)
	start, end := FixmapRange(k.layout())
	k.Fn.PageTableRangeInit(k, start, end, base)
	k.Fn.PermanentKmapsInit(k, base)
	SetupDone(k)
}

// LoadRoot makes the constructed tables the CPU's: the load_cr3, CR4.PAE and
// flush of paging_init (Linux, arch/i386/mm/init.c, b239fb25).
func LoadRoot(k *Kernel) {
	k.PV.WriteCR3(k, k.layout().Kernel.Root.PA())
	if k.layout().Boot != nil {
		k.M.SetCR4(model.CR4PAE)
	}
	k.PV.FlushTLB(k)
	k.M.Kernel.Phase = model.PhaseLoaded
}

// PagingInit builds and loads the kernel's pagetable (Linux: paging_init).
func PagingInit(k *Kernel) {
	k.Fn.PagetableInit(k)
	LoadRoot(k)
}

// ZapLowMappings removes the mappings below PAGE_OFFSET (Linux:
// zap_low_mappings, b239fb25). In PAE the user slots then name the zero page,
// which is a legal, empty L2.
func ZapLowMappings(k *Kernel) {
	base, root := k.Base(), k.rootLevel()
	for i := range k.layout().UserSlots() {
		var val uint64
		if !k.geo().GrantsRights(root) {
			val = uint64(k.layout().Kernel.ZeroPage.PA()) | uint64(model.Present)
		}
		k.SetPGD(k.Slot(base, i), k.make(root, val))
	}
	k.PV.FlushTLB(k)
	k.M.Kernel.Phase = model.PhaseZapped
}
