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
	CreateRange(k, c.PkmapBase, end)
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

// PagetableInit builds the kernel's pagetable (Linux: pagetable_init,
// b239fb25).
func PagetableInit(k *Kernel) {
	SetupStart(k)
	MapLowmem(k)
	start, end := FixmapRange(k.layout())
	CreateRange(k, start, end)
	k.Fn.PermanentKmapsInit(k, k.Base())
	SetupDone(k)
}

// PagingInit builds and loads the kernel's pagetable (Linux: paging_init).
func PagingInit(k *Kernel) {
	k.Fn.PagetableInit(k)
	LoadRoot(k)
}

// ZapLowMappings removes the mappings below PAGE_OFFSET (Linux:
// zap_low_mappings, b239fb25). In PAE the user slots then name the zero page,
// which is a legal, empty L2. A 64-bit kernel has low mappings in slot 0 only
// (arch/x86/mm/init_64.c).
func ZapLowMappings(k *Kernel) {
	base, root, slots := k.Base(), k.rootLevel(), k.layout().UserSlots()
	if k.geo().Levels == 4 {
		slots = 1
	}
	for i := range slots {
		var val uint64
		if !k.geo().GrantsRights(root) {
			val = uint64(k.layout().Kernel.ZeroPage.PA()) | uint64(model.Present)
		}
		k.SetPGD(k.Slot(base, i), k.make(root, val))
	}
	k.PV.FlushTLB(k)
}
