package hooks

import "github.com/ptcheck/ptcheck/model"

// MapNewPage maps a new page at an address, creating the tables above it from the
// boot allocator's pages (Linux: vmemmap_populate, map_vm_area). Both store the leaf by
// set_pte_at, which no backend filters while it builds the direct map.
func MapNewPage(k *Kernel, va model.VA) {
	table := k.Base()
	for level := k.rootLevel(); level >= 2; level-- {
		entry := k.Slot(table, k.geo().Index(va, level))
		if k.Val(level, k.Read(entry)) == 0 {
			pfn := k.pageOrPanic()
			model.Put(&k.buffer().Tables, model.Frame(pfn), true)
			k.populate(level, entry, pfn)
		}
		table = k.TableOf(level, entry)
	}
	pfn := k.pageOrPanic()
	model.Put(&k.buffer().Data, model.Frame(pfn), true)
	e := k.PV.MakePTE(k, k.pfnVal(pfn, k.KernelProt(false)))
	k.PV.SetPTE[model.VariantLate](k, k.Slot(table, k.geo().Index(va, 1)), e)
}

// pageStruct is the number of bytes of a page struct.
const pageStruct = 8

// mapPageStructs maps the array of page structs for all of low memory, where it has addresses
// of its own (Linux: vmemmap_populate).
func (k *Kernel) mapPageStructs() {
	base, end := k.early().Vmemmap, model.VA(k.layout().Kernel.MaxLowPFN)*pageStruct
	for at := model.VA(0); base != 0 && at < end; at += model.PageSize {
		MapNewPage(k, k.geo().Wrap(base+at))
	}
}

func (k *Kernel) pageOrPanic() model.PFN {
	pfn, ok := AllocPage(k)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "Out of memory"})
	}
	return pfn
}

// DumpTables reads every table below the kernel's root but for the hole that
// belongs to a hypervisor (Linux: ptdump_walk_pgd_level_checkwx).
func DumpTables(k *Kernel) {
	first, last := k.Fn.Early.GuardHole(k)
	for i := range k.geo().Slots[k.rootLevel()] {
		if last > 0 && i >= first && i <= last {
			continue
		}
		k.dump(k.rootLevel(), k.Slot(k.Base(), i))
	}
}

func (k *Kernel) dump(level int, entry model.VA) {
	e := k.Read(entry)
	if level == 1 || k.Val(level, e) == 0 || level == 2 && e.Is(model.PSE) {
		return
	}
	table := k.TableOf(level, entry)
	for i := range k.geo().Slots[level-1] {
		k.dump(level-1, k.Slot(table, i))
	}
}
