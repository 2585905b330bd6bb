package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// unclearedMutants link tables as they come from an allocator: what the memory held
// before counts as entries.
func unclearedMutants() []Mutant {
	const (
		init  = "Linux, arch/i386/mm/init.c, alloc_bootmem_low_pages"
		early = "Linux, alloc_low_page: clear_page"
		life  = "Linux, pte_alloc_one, pmd_alloc_one: __GFP_ZERO"
	)
	return []Mutant{
		{ID: "uncleared-leaf-table", What: "new L1 tables are linked with what their memory held", Source: init,
			Place: onNative(2), Catch: "tables-cleared", Steps: 2, Change: ofKernel(unclearedL1)},
		{ID: "uncleared-leaf-table-xen", What: "the same under a hypervisor", Source: init,
			Place: onXen(3), Catch: "crash bug", Steps: 2, Change: ofKernel(unclearedL1)},
		{ID: "uncleared-middle", What: "new L2 tables are linked with what their memory held", Source: init,
			Place: onNative(3), Catch: "direct-map-true", Steps: 2, Change: ofKernel(unclearedMiddle)},
		{ID: "uncleared-middle-xen", What: "the same under a hypervisor", Source: init,
			Place: onXen(4), Catch: "crash bug", Steps: 2, Change: ofKernel(unclearedMiddle)},
		{ID: "uncleared-buffer", What: "tables from the buffer are not cleared", Source: early,
			Place: onBuffer(3), Catch: "crash bug", Steps: 4, Change: ofKernel(unclearedLowPage)},
		{ID: "uncleared-top-down", What: "tables of memory mapped from the top down are not cleared", Source: early,
			Place: onTopDown(3), Catch: "crash bug", Steps: 4, Change: ofKernel(unclearedLowPage)},
		{ID: "uncleared-process", What: "tables of processes are linked with what their memory held", Source: life,
			Place: lifeNative(3, "fork"), Catch: "no-dangling", Steps: 2, Change: ofKernel(unclearedProcess)},
		{ID: "uncleared-process-xen", What: "the same under a hypervisor", Source: life,
			Place: lifeXen(3, "fork"), Catch: "no-dangling", Steps: 2, Change: ofKernel(unclearedProcess)},
	}
}

// takeUncleared takes a frame past AllocBootmem, which clears.
func takeUncleared(k *hooks.Kernel) model.PFN {
	pfn := k.M.Kernel.BootmemNext
	k.M.Kernel.BootmemNext++
	k.M.HandOut(pfn)
	return pfn
}

func unclearedL1(_ *hooks.Ops, f *hooks.Funcs) {
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		if k.Val(2, k.Read(pmd))&uint64(model.Present) == 0 {
			pfn := takeUncleared(k)
			k.AllocPT(pfn)
			k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		}
		return k.TableOf(2, pmd)
	}
}

func unclearedMiddle(_ *hooks.Ops, f *hooks.Funcs) {
	f.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
		if k.Val(level, k.Read(entry))&uint64(model.Present) != 0 {
			return k.TableOf(level, entry)
		}
		pfn, flags := takeUncleared(k), hooks.PageTable
		if !k.M.L.Geo.GrantsRights(level) {
			flags = model.Present
		}
		k.AllocPD(pfn)
		k.SetUpper(level, entry, k.PV.MakePGD(k, uint64(pfn.PA())|uint64(flags)))
		return k.TableOf(level, entry)
	}
}

func unclearedLowPage(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.AllocLowPage = func(k *hooks.Kernel) (model.VA, model.PFN) {
		pfn := hooks.AllocLowPages(k, 1)
		return k.Fn.Early.OpenTable(k, pfn), pfn
	}
}

func unclearedProcess(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.TableAlloc = func(k *hooks.Kernel, pgd model.VA, level int, entry model.VA) {
		pfn, ok := k.M.AllocPage(false)
		if !ok {
			k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "Out of memory"})
		}
		k.PV.Life.AllocTable(k, pgd, level, pfn)
		val := uint64(pfn.PA()) | uint64(hooks.PageTable)
		if level == 1 {
			k.SetUpper(2, entry, k.PV.MakePMD(k, val))
			return
		}
		k.SetUpper(level+1, entry, k.PV.MakePGD(k, val))
	}
}
