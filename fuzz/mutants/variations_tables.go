package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// sizeVariations map memory with pages of another size.
func sizeVariations() []Variation {
	const size = "Intel SDM vol. 3, 4.3 to 4.5: a large page and a table of small ones map the same"
	bare := Fits{Machine: invariants.BareMetal, Span: invariants.Booting}
	pse := func(s *model.State) bool { return s.L.Kernel.HasPSE }
	return []Variation{
		{ID: "small-pages", What: "4 KiB pages where large ones are possible", Source: size + "; Linux, mem=nopentium, DEBUG_PAGEALLOC",
			Fits: of2007On(invariants.BareMetal).also(pse).also(roomForSmall), Change: ofKernel(smallPages)},
		{ID: "large-pages", What: "large pages where 4 KiB pages do", Source: size + "; 4.1.4: wide entries need no CR4.PSE",
			Fits: of2007On(invariants.BareMetal).also(wide).also(func(s *model.State) bool {
				return !pse(s) && hasRoom(s.L) && s.L.Kernel.MaxLowPFN%model.PFN(s.L.Geo.Slots[1]) == 0
			}),
			Change: ofKernel(largePages)},
		{ID: "two-passes", What: "a large page gets its size first, after a flush its attributes", Source: "Linux ad5ca55f6bdb, kernel_physical_mapping_init of init_32.c",
			Fits: bare.also(pse), Change: ofKernel(twoPasses)},
	}
}

// roomForSmall reports whether the boot allocator has pages for all tables that small pages
// need.
func roomForSmall(s *model.State) bool { return hasRoom(s.L) }

func hasRoom(l *model.Layout) bool {
	k := &l.Kernel
	end := k.MaxLowPFN
	if k.Root > k.BootmemFirst {
		end = min(end, k.Root)
	}
	slots := model.PFN(l.Geo.Slots[1])
	need := model.PFN(1) // for the fixmap
	if k.Highmem {
		need++
	}
	if l.Geo.Levels > 2 { // with two levels the boot tables stay in use
		need += model.PFN(l.Geo.Slots[l.Geo.Root()]-l.UserSlots()) + (k.MaxLowPFN+slots-1)/slots
	}
	return k.BootmemFirst+need <= end
}

// smallPages maps what a large page would with a table of small ones.
func smallPages(_ *hooks.Ops, f *hooks.Funcs) {
	large := f.MapLarge
	f.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
		if k.M.L.Hyper != nil || !hasRoom(k.M.L) {
			large(k, pmd, pfn)
			return
		}
		mapSmall(k, pmd, pfn)
	}
}

// mapSmall maps what a leaf table covers, from a frame on.
func mapSmall(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
	table := k.Fn.OnePageTableInit(k, pmd)
	for i := range k.M.L.Geo.Slots[1] {
		if p := pfn + model.PFN(i); p < k.M.L.Kernel.MaxLowPFN {
			k.Fn.MapPage(k, k.Slot(table, i), p)
		}
	}
}

// largePages maps all of low memory with large pages, and splits one when a page of it is
// mapped by itself.
func largePages(_ *hooks.Ops, f *hooks.Funcs) {
	whole := f.KernelPhysicalMappingInit
	f.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
		l := k.M.L
		slots := model.PFN(l.Geo.Slots[1])
		if l.Kernel.HasPSE || l.Geo.Width == 4 || l.Hyper != nil || !hasRoom(l) || l.Kernel.MaxLowPFN%slots != 0 {
			whole(k, base)
			return
		}
		root := l.Geo.Root()
		for i := l.UserSlots(); i < l.Geo.Slots[root]; i++ {
			k.Fn.OneMDTableInit(k, root, k.Slot(base, i))
		}
		for pfn := model.PFN(0); pfn < l.Kernel.MaxLowPFN; pfn += slots {
			pmd, ok := upperOf(k, l.VA(pfn.PA()))
			if ok && k.Read(pmd).Is(model.Present) && !k.Read(pmd).Is(model.PSE) {
				mapSmall(k, pmd, pfn) // split already
			} else if ok {
				k.Fn.MapLarge(k, pmd, pfn)
			}
		}
		k.PV.FlushTLB(k)
	}
	table := f.OnePageTableInit
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		if e := k.Read(pmd); e.Is(model.Present|model.PSE) && k.M.L.Geo.Width == 8 && k.M.L.Hyper == nil {
			split(k, pmd, e)
		}
		return table(k, pmd)
	}
}

// split replaces a large page by a table of small ones (Linux: split_large_page).
func split(k *hooks.Kernel, pmd model.VA, e model.Entry) {
	pfn := k.M.AllocBootmem()
	for i := range k.M.L.Geo.Slots[1] {
		first := model.PFN(e.MFN())
		k.Write(k.Slot(k.M.L.VA(pfn.PA()), i), model.MakeEntry(model.MFN(first+model.PFN(i)), e.Flags()&^model.PSE))
	}
	k.AllocPT(pfn)
	k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
	k.PV.FlushTLB(k)
}

// twoPasses writes a large page twice: first with the attributes of the boot tables.
func twoPasses(_ *hooks.Ops, f *hooks.Funcs) {
	large := f.MapLarge
	f.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
		k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(model.Present|model.RW|model.PSE)))
		k.PV.FlushTLB(k)
		large(k, pmd, pfn)
	}
}

// tableVariations have other tables, or get them at other times.
func tableVariations() []Variation {
	return []Variation{
		{ID: "preallocated", What: "the tables of the fixmap are made by setup_start, before anything is mapped", Source: "Linux 6eb82f994026, preallocate_vmalloc_pages",
			Fits: of2007(), Change: ofKernel(afterStart(preallocated))},
		{ID: "image-table", What: "the fixmap's table is a page of the kernel's image", Source: "Linux, level1_fixmap_pgt of head_64.S; bm_pte of ioremap.c",
			Fits: of2007(), Change: imageTable()},
		{ID: "tables-moved", What: "live tables of the fixmap are replaced by copies", Source: "Linux a3c6018e565d, page_table_kmap_check",
			Fits: of2007(), Change: ofKernel(tablesMoved)},
	}
}

// preallocated makes the tables of the fixmap.
func preallocated(k *hooks.Kernel, base model.VA) {
	start, end := hooks.FixmapRange(k.M.L)
	k.Fn.PageTableRangeInit(k, start, end, base)
}

// imageTable sets the first page of the boot allocator aside for a table, as if it lay in
// the image, and uses it for the first table of the fixmap.
func imageTable() (c systems.Change) {
	c.Machine = func(s *model.State) {
		k := &s.L.Kernel
		k.Tables = model.FrameRange{From: k.BootmemFirst, To: k.BootmemFirst + 1}
		k.BootmemFirst++
		s.Kernel.BootmemNext++
	}
	c.Kernel = func(_ *hooks.Ops, f *hooks.Funcs) {
		table := f.OnePageTableInit
		f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
			fixmap, ok := upperOf(k, k.M.L.Fix(k.M.L.Kernel.NrFixed-1))
			if ok && fixmap == pmd && !k.Read(pmd).Is(model.Present) {
				pfn := k.M.L.Kernel.Tables.From
				k.M.ClearPage(k.M.L.VA(pfn.PA()))
				k.AllocPT(pfn)
				k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
			}
			return table(k, pmd)
		}
	}
	return c
}

// tablesMoved replaces tables of a range that were there before, or have just been made,
// by copies in pages of the boot allocator.
func tablesMoved(_ *hooks.Ops, f *hooks.Funcs) {
	ranges := f.PageTableRangeInit
	f.PageTableRangeInit = func(k *hooks.Kernel, start, end, base model.VA) {
		was := k.M.Kernel.BootmemNext
		ranges(k, start, end, base)
		l := k.M.L
		for va := start; l.Geo.Wrap(va) != l.Geo.Wrap(end); va += l.Geo.Span(2) {
			pmd, ok := upperOf(k, l.Geo.Wrap(va))
			if !ok || !canMove(k) {
				return
			}
			pfn := l.PA(k.TableOf(2, pmd)).PFN()
			if pfn >= l.Kernel.BootmemFirst && pfn < was {
				continue // made and moved by an earlier call
			}
			move(k, pmd, pfn)
		}
	}
}

// canMove reports whether the boot allocator has a page for a copy, with some to spare for
// what else is to come, and all of them can be written.
func canMove(k *hooks.Kernel) bool {
	l, next := k.M.L, k.M.Kernel.BootmemNext
	end := l.Kernel.MaxLowPFN
	if root := l.Kernel.Root; root >= next {
		end = min(end, root)
	}
	if next+4 > end {
		return false
	}
	for pfn := range l.Kernel.MaxLowPFN {
		if page, _, ok := k.LookupAddress(l.VA(pfn.PA())); l.Hyper != nil && (!ok || !k.Read(page).Is(model.Present)) {
			return false
		}
	}
	return true
}

// move replaces a table by a copy.
func move(k *hooks.Kernel, pmd model.VA, old model.PFN) {
	pfn := k.M.AllocBootmem()
	for i := range k.M.L.Geo.Slots[1] {
		k.Write(k.Slot(k.M.L.VA(pfn.PA()), i), k.Read(k.Slot(k.M.L.VA(old.PA()), i)))
	}
	k.AllocPT(pfn)
	k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
	k.PV.FlushTLB(k)
	k.ReleasePT(old)
}
