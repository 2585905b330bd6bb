package hooks

import "github.com/ptcheck/ptcheck/model"

// Pages and their temporary mappings.

// getZeroedPage is alloc_page(GFP_KERNEL | __GFP_ZERO), with __GFP_HIGHMEM if
// high is set. A system offers no call that could run out of pages.
func (k *Kernel) getZeroedPage(high bool) model.PFN {
	pfn, ok := k.M.AllocPage(high)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "Out of memory"})
	}
	va := k.KmapAtomic(k.lifeMap().KmapPage, pfn, false)
	k.M.ClearPage(va)
	k.Fn.Life.KunmapAtomic(k, va, k.lifeMap().KmapPage)
	return pfn
}

func (k *Kernel) getPage(pfn model.PFN) { k.life().Refs.Set(model.Frame(pfn), k.refs(pfn)+1) }

// refs is the count of a page's further users. A number that is no page of the
// guest's is a bug of the kernel's (pfn_valid, bad_page).
func (k *Kernel) refs(pfn model.PFN) int {
	if pfn >= model.PFN(k.layout().Map.Guest()) {
		k.M.Bug("bad_page", model.OK)
	}
	return k.life().Refs.Of(model.Frame(pfn))
}

// putPage gives up one use of a page, and the page with the last one.
func (k *Kernel) putPage(pfn model.PFN) {
	if refs := k.refs(pfn); refs > 0 {
		k.life().Refs.Set(model.Frame(pfn), refs-1)
		return
	}
	k.M.FreePage(pfn)
}

// KmapAtomic maps a page of high memory at a fixmap index; pages of low memory
// have an address of their own (Linux: kmap_atomic_prot, arch/i386/mm/highmem.c).
func (k *Kernel) KmapAtomic(index int, pfn model.PFN, readOnly bool) model.VA {
	if pfn < k.layout().Kernel.MaxLowPFN {
		return k.layout().VA(pfn.PA())
	}
	va := k.layout().Fix(index)
	pte, ok := k.Lookup(va)
	if !ok {
		k.M.Bug("kmap_atomic_prot", model.OK)
	}
	k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(pfn, k.KernelProt(readOnly))))
	k.PV.Life.FlushLazy(k)
	return va
}

// KunmapAtomic ends what KmapAtomic returned. The mapping is taken away at once:
// the page may become a table (Linux: kunmap_atomic, kpte_clear_flush).
func KunmapAtomic(k *Kernel, va model.VA, index int) {
	if fix := k.layout().Fix(index); va&^(model.PageSize-1) == fix {
		pte, _ := k.Lookup(fix)
		k.clearPTE(pte)
		k.PV.FlushTLBSingle(k, fix)
	}
	k.PV.Life.FlushLazy(k)
}

// Kmap takes a page of high memory for the kernel's own use, maps it for longer at
// the one pkmap address and writes to it (Linux: pipe_write; kmap_high,
// map_new_virtual).
func Kmap(k *Kernel) {
	pfn := k.getZeroedPage(true)
	l := k.life()
	KmapFlushUnused(k)
	pte, ok := k.Lookup(k.layout().Kernel.PkmapBase)
	if !ok || l.KmapCount != 0 {
		k.M.Bug("kmap_high", model.OK)
	}
	k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(pfn, k.KernelProt(false))))
	l.Kmap, l.KmapCount = model.Frame(pfn), 2
	k.M.Store(k.layout().Kernel.PkmapBase, k.geo().Width, 0)
}

// Kunmap ends that use and frees the page. The mapping stays until somebody needs
// the address or the page (Linux: kunmap_high).
func Kunmap(k *Kernel) {
	l := k.life()
	l.KmapCount = 1
	k.putPage(model.PFN(l.Kmap))
}

// KmapFlushUnused takes away mappings that nobody uses (Linux: kmap_flush_unused,
// flush_all_zero_pkmaps).
func KmapFlushUnused(k *Kernel) {
	l := k.life()
	if l.KmapCount != 1 {
		return
	}
	pte, _ := k.Lookup(k.layout().Kernel.PkmapBase)
	l.Kmap, l.KmapCount = model.NoFrame, 0
	k.clearPTE(pte)
	k.PV.Life.FlushPage(k, k.layout().Kernel.PkmapBase) // flush_tlb_kernel_range
}
