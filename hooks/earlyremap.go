package hooks

import "github.com/ptcheck/ptcheck/model"

// EarlyIoremapInit hangs static tables of the kernel image below the addresses of
// early_ioremap's slots (Linux: early_ioremap_init, arch/x86/mm/ioremap.c). A
// 64-bit kernel has static tables for the whole fixmap.
func EarlyIoremapInit(k *Kernel) {
	e, b, g := k.early(), k.buffer(), k.geo()
	start, end := FixmapRange(k.layout())
	if !g.SignExtend {
		start = k.layout().Fix(e.Window) &^ (g.Span(2) - 1)
		end = start + g.Span(2)
	}
	for va := start; va != end; va = g.Wrap(va + g.Span(2)) {
		table := k.Base()
		for level := k.rootLevel(); level > 2; level-- {
			table = OneMDTableInit(k, level, k.Slot(table, g.Index(va, level)))
		}
		OnePageTableInit(k, k.Slot(table, g.Index(va, 2)))
	}
	b.FixTable = k.layout().PA(k.pteOffset(k.Base(), k.layout().Fix(e.Window))).PFN()
	b.Flags |= model.EarlyFixmap
}

// EarlyIoremap maps a frame in the first free slot and returns the address. Going
// without a free slot is a bug (Linux: __early_ioremap).
func EarlyIoremap(k *Kernel, pfn model.PFN) model.VA {
	e, b := k.early(), k.buffer()
	for slot := range e.Windows {
		if b.Windows>>slot&1 != 0 {
			continue
		}
		b.Windows |= 1 << slot
		earlySetFixmap(k, e.Window+slot, k.PV.MakePTE(k, k.pfnVal(pfn, k.kernelProt(false, false))))
		return k.layout().Fix(e.Window + slot)
	}
	k.M.Bug("__early_ioremap", model.OK)
	return 0
}

// EarlyIounmap frees a slot by its address (Linux: early_iounmap).
func EarlyIounmap(k *Kernel, va model.VA) {
	e, b := k.early(), k.buffer()
	slot := int(k.geo().Wrap(k.layout().Kernel.FixTop-va)>>model.PageShift) - e.Window
	b.Windows &^= 1 << slot
	earlySetFixmap(k, e.Window+slot, 0)
}

// earlySetFixmap writes the entry of a slot: in the static table, and once the
// fixmap has its own tables, there (Linux: __early_set_fixmap, __set_fixmap).
func earlySetFixmap(k *Kernel, index int, e model.Entry) {
	va := k.layout().Fix(index)
	pte := k.Slot(k.layout().VA(k.buffer().FixTable.PA()), k.geo().Index(va, 1))
	if k.buffer().Is(model.PagingDone) {
		pte = k.pteOffset(k.Base(), va)
	}
	k.setPTE(pte, e)
	k.PV.FlushTLBSingle(k, va)
}
