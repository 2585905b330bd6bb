package hooks

import "github.com/ptcheck/ptcheck/model"

// identAttr are the attributes of head_32.S's leaves (PTE_IDENT_ATTR).
const identAttr = model.Present | model.RW

// physPass is one pass of a 32-bit kernel over a piece: the first changes page
// sizes and keeps the attributes of the boot tables, the second sets the final
// attributes (Linux ad5ca55f and 2.6.39, init_32.c). Every L2 of the kernel's
// part is created.
func (k *Kernel) physPass(from, to model.PFN, large bool, pass int) {
	l, g := k.layout(), k.geo()
	root := k.rootLevel()
	pfn := from
	for i := g.Index(l.VA(from.PA()), root); i < g.Slots[root]; i++ {
		table := k.Base()
		if root > 2 {
			table = k.earlyTable(3, k.Slot(table, i))
		}
		for pfn < to && g.Index(l.VA(pfn.PA()), root) == i {
			pmd := k.Slot(table, g.Index(l.VA(pfn.PA()), 2))
			if large {
				k.Fn.Early.MapLargePages(k, pmd, pfn, pass)
				pfn += model.PFN(g.Slots[1])
				continue
			}
			pte := k.earlyTable(2, pmd)
			for j := g.Index(l.VA(pfn.PA()), 1); j < g.Slots[1] && pfn < to; j++ {
				if pass == 1 {
					k.setPTE(k.Slot(pte, j), k.PV.MakePTE(k, k.pfnVal(pfn, identAttr)))
				} else {
					k.Fn.MapPage(k, k.Slot(pte, j), pfn)
				}
				pfn++
			}
		}
	}
}

// MapLargePages writes an L2 leaf in one of the two passes.
func MapLargePages(k *Kernel, pmd model.VA, pfn model.PFN, pass int) {
	if pass == 2 {
		k.Fn.MapLarge(k, pmd, pfn)
		return
	}
	k.SetUpper(2, pmd, k.make(2, k.pfnVal(pfn, identAttr|model.PSE)))
}

// earlyTable returns the table below an entry, a new one if there is none
// (one_md_table_init and one_page_table_init of 2.6.39).
func (k *Kernel) earlyTable(level int, entry model.VA) model.VA {
	if k.Val(level, k.Read(entry))&uint64(model.Present) == 0 {
		_, pfn := k.Fn.Early.AllocLowPage(k)
		k.populate(level, entry, pfn)
	}
	return k.TableOf(level, entry)
}

// KmapInit creates the tables of the whole fixmap of a 32-bit kernel (Linux:
// early_ioremap_page_table_range_init). Those of kmap_atomic must lie in a row,
// because it finds their entries by counting from the first: 3.8 takes as many
// frames in a row as they need beforehand. From then on early_ioremap uses the
// fixmap's tables.
func KmapInit(k *Kernel) {
	l, g := k.layout(), k.geo()
	start, end := FixmapRange(l)
	var row model.PFN
	if n := kmapTables(l); n > 1 && k.early().TopDown {
		row = AllocLowPages(k, n)
	}
	for va := start; va != end; va = g.Wrap(va + g.Span(2)) {
		table := k.Base()
		for level := k.rootLevel(); level > 2; level-- {
			table = k.earlyTable(level, k.Slot(table, g.Index(va, level)))
		}
		pmd := k.Slot(table, g.Index(va, 2))
		k.Fn.Early.KmapCheck(k, k.earlyTable(2, pmd), pmd, va, row)
		if row != 0 && inKmap(l, va) {
			row++
		}
	}
	k.buffer().Flags |= model.PagingDone | model.KmapReady
}

// kmapTables is the number of L1 tables that kmap_atomic's indexes lie in.
func kmapTables(l *model.Layout) int {
	e, span := l.Early, l.Geo.Span(2)
	if e.Kmaps == 0 {
		return 0
	}
	return int(l.Fix(e.Kmap)/span-l.Fix(e.Kmap+e.Kmaps-1)/span) + 1
}

// inKmap reports whether kmap_atomic uses the L1 table of an address.
func inKmap(l *model.Layout, va model.VA) bool {
	e, span := l.Early, l.Geo.Span(2)
	return e.Kmaps > 0 && va/span >= l.Fix(e.Kmap+e.Kmaps-1)/span && va/span <= l.Fix(e.Kmap)/span
}

// PageTableKmapCheck replaces a table of the kmap range that may not lie next to
// the others, by the next frame of the buffer or, top-down, by frame next: its
// entries are copied, the copy is linked, the old one released (Linux a3c6018e). It
// returns the table that is in place then.
func PageTableKmapCheck(k *Kernel, table, pmd, va model.VA, next model.PFN) model.VA {
	if !k.WantsCopy(table, va) {
		return table
	}
	page, pfn := k.KmapPage(next)
	for i := range k.geo().Slots[1] {
		k.setPTE(k.Slot(page, i), k.Read(k.Slot(table, i)))
	}
	k.populate(2, pmd, pfn)
	k.PV.FlushTLB(k)
	k.ReleasePT(k.layout().PA(table).PFN())
	return page
}

// KmapPage is the page that replaces a table: frame next, or the next one of the
// buffer if that is 0.
func (k *Kernel) KmapPage(next model.PFN) (model.VA, model.PFN) {
	if next == 0 {
		return k.Fn.Early.AllocLowPage(k)
	}
	page := k.layout().VA(next.PA())
	k.M.ClearPage(page)
	return page, next
}

// WantsCopy reports whether a table for va must be replaced: kmap_atomic's range
// spans several tables, va is in it, and the table is not the buffer's. Top-down
// all are replaced.
func (k *Kernel) WantsCopy(table, va model.VA) bool {
	l, b := k.layout(), k.buffer()
	if kmapTables(l) < 2 || !inKmap(l, va) {
		return false
	}
	pfn := l.PA(table).PFN()
	return k.early().TopDown || pfn < b.Start || pfn >= b.End
}

// KmapAtomic maps a frame at one of kmap_atomic's indexes: the entry is found by
// counting down from that of the first index, into the page before the first
// table (kmap_pte - idx). A table of a tiny geometry counts as full.
func KmapAtomic(k *Kernel, n int, pfn model.PFN) {
	l, e, slots := k.layout(), k.early(), k.geo().Slots[1]
	first := k.pteOffset(k.Base(), l.Fix(e.Kmap)) &^ (model.PageSize - 1)
	for n0 := k.geo().Index(l.Fix(e.Kmap), 1) - n; ; n0 += slots {
		if n0 >= 0 {
			k.setPTE(k.Slot(first, n0), k.PV.MakePTE(k, k.pfnVal(pfn, k.kernelProt(false, false))))
			break
		}
		first -= model.PageSize
	}
	va := l.Fix(e.Kmap + n)
	k.PV.FlushTLBSingle(k, va)
	k.M.Load(va, 8)
}
