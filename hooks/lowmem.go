package hooks

import "github.com/ptcheck/ptcheck/model"

// KernelPhysicalMappingInit maps all low memory at PAGE_OFFSET, with large
// pages if the CPU has them (Linux: kernel_physical_mapping_init, b239fb25).
//
// In PAE each kernel root slot gets an L2 table, also beyond the end of low
// memory, and mapping starts at slot 0 of the first one wherever PAGE_OFFSET
// lies in it. With four levels it starts at PAGE_OFFSET's own slot and stops
// where memory ends (phys_pud_init, arch/x86/mm/init_64.c).
func KernelPhysicalMappingInit(k *Kernel, base model.VA) {
	var pfn model.PFN
	k.mapTable(k.rootLevel(), base, k.geo().Index(k.layout().Kernel.PageOffset, k.rootLevel()), &pfn)
}

func (k *Kernel) mapTable(level int, table model.VA, first int, pfn *model.PFN) {
	g, end := k.geo(), k.layout().Kernel.MaxLowPFN
	for i := first; i < g.Slots[level]; i++ {
		if *pfn >= end && (level == 2 || g.Levels == 4) {
			return
		}
		entry := k.Slot(table, i)
		if level == 2 {
			k.mapPMD(entry, pfn)
			continue
		}
		sub := k.Fn.OneMDTableInit(k, level, entry)
		if *pfn >= end {
			continue
		}
		next := 0
		if g.Levels == 4 {
			next = g.Index(k.layout().VA(pfn.PA()), level-1)
		}
		k.mapTable(level-1, sub, next, pfn)
	}
}

// mapPMD maps what one L2 entry covers, from *pfn on.
func (k *Kernel) mapPMD(pmd model.VA, pfn *model.PFN) {
	slots := k.geo().Slots[1]
	if k.layout().Kernel.HasPSE {
		k.Fn.MapLarge(k, pmd, *pfn)
		*pfn += model.PFN(slots)
		return
	}
	table := k.Fn.OnePageTableInit(k, pmd)
	for i := 0; i < slots && *pfn < k.layout().Kernel.MaxLowPFN; i++ {
		k.Fn.MapPage(k, k.Slot(table, i), *pfn)
		*pfn++
	}
}

// MapLarge writes an L2 leaf that maps low memory from pfn on: the PSE arm of
// kernel_physical_mapping_init's loop. Any text in its first or last byte makes
// all of it executable.
func MapLarge(k *Kernel, pmd model.VA, pfn model.PFN) {
	g := k.geo()
	first := k.layout().VA(pfn.PA())
	last := g.Wrap(first + g.Span(2) - 1)
	prot := k.kernelProt(k.isKernelText(first) || k.isKernelText(last), true)
	k.SetUpper(2, pmd, k.make(2, k.pfnVal(pfn, prot)))
}

// MapPage writes the L1 leaf of one frame of low memory: the innermost
// statement of kernel_physical_mapping_init.
func MapPage(k *Kernel, pte model.VA, pfn model.PFN) {
	prot := k.kernelProt(k.isKernelText(k.layout().VA(pfn.PA())), false)
	k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(pfn, prot)))
}

// MapLeaf maps the one leaf of low memory that covers pfn, creating the tables
// above it where they are missing: a single turn of
// kernel_physical_mapping_init's loops. A large page is mapped from its first
// frame on.
func MapLeaf(k *Kernel, base model.VA, pfn model.PFN) {
	g := k.geo()
	va := k.layout().VA(pfn.PA())
	table := base
	for level := k.rootLevel(); level > 2; level-- {
		table = k.Fn.OneMDTableInit(k, level, k.Slot(table, g.Index(va, level)))
	}
	pmd := k.Slot(table, g.Index(va, 2))
	if k.layout().Kernel.HasPSE {
		k.Fn.MapLarge(k, pmd, pfn&^(model.PFN(g.Span(2)>>model.PageShift)-1))
		return
	}
	k.Fn.MapPage(k, k.Slot(k.Fn.OnePageTableInit(k, pmd), g.Index(va, 1)), pfn)
}
