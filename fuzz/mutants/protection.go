package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// protectionMutants give pages rights that they must not have, or leave mappings where
// nobody wants them any more, in later kernels and in those that have booted.
func protectionMutants() []Mutant {
	return append(append(directMapMutants(), areaMutants()...), leftoverMutants()...)
}

// directMapMutants are those of the direct map.
func directMapMutants() []Mutant {
	const (
		wx  = "Linux, CONFIG_DEBUG_WX: note_page; linuxkit/linuxkit 685, lf-edge/eve 1390"
		sdm = "Intel SDM vol. 3, 4.6"
	)
	return []Mutant{
		{ID: "direct-map-executable", What: "all of the direct map can be executed", Source: wx,
			Place: onBuffer(4), Catch: "pages-protected", Steps: 4, Change: ofKernel(leaves(0, model.NX))},
		{ID: "direct-map-executable-top", What: "the same, mapped from the top of memory down", Source: wx,
			Place: onTopDown(4), Catch: "pages-protected", Steps: 4, Change: ofKernel(leaves(0, model.NX))},
		{ID: "direct-map-executable-32", What: "the same on 32 bits, with large pages", Source: wx,
			Place: onBuffer(3), Catch: "pages-protected", Steps: 6, Change: ofKernel(leavesWhere(0, model.NX, func(k *hooks.Kernel) bool { return !k.M.L.Geo.SignExtend }))},
		{ID: "direct-map-user", What: "user mode may use the direct map", Source: sdm,
			Place: onBuffer(4), Catch: "pages-protected", Steps: 4, Change: ofKernel(leaves(model.User, 0))},
		{ID: "direct-map-user-32", What: "the same on 32 bits, natively and under Xen", Source: sdm,
			Place: onTopDown(3), Catch: "pages-protected", Steps: 3, Change: ofKernel(leaves(model.User, 0))},
		{ID: "direct-map-read-only", What: "data in the direct map cannot be written", Source: "Linux, PAGE_KERNEL_RO where PAGE_KERNEL is meant",
			Place: onTopDown(4), Catch: "pages-protected", Steps: 4, Change: ofKernel(bareLeaves(0, model.RW))},
		{ID: "direct-map-uncached", What: "memory is mapped as devices are", Source: "Linux, PAGE_KERNEL_NOCACHE; SDM vol. 3, 11.5.2",
			Place: onTopDown(3), Catch: "pages-protected", Steps: 3, Change: ofKernel(leaves(model.PCD|model.PWT, 0))},
	}
}

// areaMutants are those of other parts of the address space.
func areaMutants() []Mutant {
	const life = "Linux, asm/pgtable_types.h: PAGE_KERNEL and PAGE_SHARED"
	return []Mutant{
		{ID: "ioremap-executable", What: "what early_ioremap maps can be executed", Source: "Linux, FIXMAP_PAGE_NORMAL",
			Place: onBuffer(4), Catch: "pages-protected", Steps: 3, Change: ofKernel(executableSlots)},
		{ID: "structs-read-only", What: "set_pte_at is filtered as set_pte is while the direct map is built: page structs cannot be written", Source: "found by search in these hooks; Linux 2.6.39, xen_set_pte_init beside xen_set_pte_at",
			Place: onBuffer(4), Catch: "pages-protected", Steps: 6, Change: ofKernel(onGuest(func(o *hooks.Ops) { o.SetPTE[model.VariantLate] = xen.SetPTEEarly }))},
		{ID: "balloon-executable", What: "pages that are ballooned up can be executed", Source: "found by search in these hooks; Linux, drivers/xen/balloon.c: PAGE_KERNEL",
			Place: onBuffer(4), Catch: "pages-protected", Steps: 11, Change: ofKernel(onGuest(func(o *hooks.Ops) { o.Early.BalloonUp = balloonExecutable }))},
		{ID: "vmalloc-user", What: "user mode may use the vmalloc area", Source: life,
			Place: lifeNative(2, "vmalloc"), Catch: "kernel-closed", Steps: 1, Change: ofKernel(madeLeaves(model.User, 0, false))},
		{ID: "vmalloc-user-xen", What: "the same in a 64-bit guest, where the hypervisor tells both by a mark", Source: life,
			Place: lifeXen(4, "vmalloc"), Catch: "kernel-closed", Steps: 1, Change: ofKernel(madeLeaves(model.User, 0, false))},
		{ID: "kernel-only-page", What: "a process's page is for the kernel alone", Source: life,
			Place: lifeNative(3, "pages"), Catch: "pages-protected", Steps: 2, Change: ofKernel(madeLeaves(0, model.User, true))},
		{ID: "kernel-only-page-xen", What: "the same under Xen", Source: life,
			Place: lifeXen(3, "pages"), Catch: "pages-protected", Steps: 2, Change: ofKernel(madeLeaves(0, model.User, true))},
	}
}

// leftoverMutants leave mappings where nobody wants them, or none where one is wanted.
func leftoverMutants() []Mutant {
	const initial = "Linux, xen_cleanhighmap and xen_pagetable_p2m_free; cleanup_highmap"
	return []Mutant{
		{ID: "slot-unasked", What: "setup_done leaves a page mapped at a fixmap index of somebody else", Source: "Linux, asm/fixmap.h: enum fixed_addresses",
			Place: onNative(2), Catch: "fixmap-asked", Steps: 3, Change: ofKernel(slotUnasked)},
		{ID: "slot-unasked-later", What: "the same in a later kernel", Source: "Linux, asm/fixmap.h: enum fixed_addresses",
			Place: onBuffer(4), Catch: "fixmap-asked", Steps: 7, Change: ofKernel(slotUnasked)},
		{ID: "slot-kept", What: "early_iounmap frees the slot and leaves the mapping", Source: "Linux, early_iounmap: FIXMAP_PAGE_CLEAR",
			Place: onBuffer(3), Catch: "fixmap-asked", Steps: 4, Change: ofKernel(slotKept)},
		{ID: "list-mapped", What: "the list of machine frames is given up and stays mapped at its own address", Source: initial,
			Place: onBuffer(4), Catch: "free-unmapped", Steps: 7, Change: ofKernel(listMapped)},
		{ID: "initrd-mapped", What: "an initrd is given up and stays mapped at its own address", Source: initial,
			Place: onBuffer(4), Catch: "free-unmapped", Steps: 7, Change: ofKernel(initrdMapped)},
		{ID: "initrd-mapped-xen", What: "the same in a guest", Source: initial,
			Place: onTopDown(4), Catch: "free-unmapped", Steps: 12, Change: ofKernel(initrdMapped)},
		{ID: "initrd-unmapped", What: "an initrd that is given up loses its place in the direct map, too", Source: "Linux, free_init_pages: set_memory_np is for DEBUG_PAGEALLOC, where the allocator maps pages again",
			Place: onBuffer(4), Catch: "memory-mapped", Steps: 8, Change: ofKernel(initrdUnmapped)},
		{ID: "balloon-unmapped", What: "the last page that is ballooned up is not mapped", Source: "Linux, drivers/xen/balloon.c: increase_reservation",
			Place: onBuffer(3), Catch: "memory-mapped", Steps: 9, Change: ofKernel(onGuest(func(o *hooks.Ops) { o.Early.BalloonUp = balloonShort }))},
	}
}

// leaves gives leaves of the direct map flags and takes others away.
func leaves(add, drop model.Entry) func(*hooks.Ops, *hooks.Funcs) {
	return leavesWhere(add, drop, func(*hooks.Kernel) bool { return true })
}

// bareLeaves does so on bare metal alone.
func bareLeaves(add, drop model.Entry) func(*hooks.Ops, *hooks.Funcs) {
	return leavesWhere(add, drop, func(k *hooks.Kernel) bool { return k.M.L.Hyper == nil })
}

func leavesWhere(add, drop model.Entry, where func(*hooks.Kernel) bool) func(*hooks.Ops, *hooks.Funcs) {
	return func(_ *hooks.Ops, f *hooks.Funcs) {
		f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
			hooks.MapPage(k, pte, pfn)
			if where(k) {
				k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, k.Read(pte)&^drop|add)
			}
		}
		f.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
			hooks.MapLarge(k, pmd, pfn)
			if where(k) {
				k.SetUpper(2, pmd, k.Read(pmd)&^drop|add)
			}
		}
	}
}

// executableSlots makes what the table of early_ioremap maps executable.
func executableSlots(o *hooks.Ops, _ *hooks.Funcs) {
	for v, set := range o.SetPTE {
		if set == nil {
			continue
		}
		o.SetPTE[v] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			if xen.InSlots(k, ptep) {
				pte &^= model.NX
			}
			set(k, ptep, pte)
		}
	}
}

// balloonExecutable fills the extra memory without no-execute.
func balloonExecutable(k *hooks.Kernel) {
	xen.BalloonUp(k)
	for pfn := k.M.L.Early.Extra.From; pfn < k.M.L.Early.Extra.To; pfn++ {
		pte, _, _ := k.LookupAddress(k.M.L.VA(pfn.PA()))
		if rc := k.M.UpdateVAMapping(k.M.L.VA(pfn.PA()), k.Read(pte)&^model.NX, model.UVMFNone); rc != model.OK {
			k.M.Bug("increase_reservation", rc)
		}
	}
}

// madeLeaves gives leaves that are made after the boot flags, and takes others away: those of
// processes, or of the kernel.
func madeLeaves(add, drop model.Entry, processes bool) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		set := o.MakePTE
		o.MakePTE = func(k *hooks.Kernel, val uint64) model.Entry {
			if e := model.Entry(val); e.Is(model.Present) && e.Is(model.User) == processes {
				val = val&^uint64(drop) | uint64(add)
			}
			return set(k, val)
		}
	}
}

// slotUnasked has setup_done map the spare page at the last fixmap index.
func slotUnasked(o *hooks.Ops, _ *hooks.Funcs) {
	done := o.PagetableSetupDone
	o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
		done(k, base)
		l := k.M.L
		if pte, ok := k.Lookup(l.Fix(l.Kernel.NrFixed - 1)); ok {
			k.PV.SetPTE[model.VariantLate](k, pte, k.PV.MakePTE(k, uint64(l.Kernel.Spare.PA())|uint64(k.KernelProt(false)&^model.NX)))
		}
	}
}

// slotKept frees a slot of early_ioremap and nothing else.
func slotKept(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.EarlyIounmap = func(k *hooks.Kernel, va model.VA) {
		l := k.M.L
		k.M.Kernel.Buffer.Windows &^= 1 << (int(l.Geo.Wrap(l.Kernel.FixTop-va)>>model.PageShift) - l.Early.Window)
	}
}

// listMapped gives the list of machine frames back, its tables not, and unmaps nothing.
func listMapped(o *hooks.Ops, f *hooks.Funcs) {
	onGuest(func(o *hooks.Ops) {
		o.Early.FreeP2M = func(k *hooks.Kernel) {
			r := k.M.L.Early.P2M
			xen.MakeLowmemPageReadwrite(k, k.M.L.VA(r.From.PA()))
			hooks.Release(k, r.From, r.From+1)
		}
	})(o, f)
}

func initrdMapped(_ *hooks.Ops, f *hooks.Funcs) { f.Early.FreeInitrd = hooks.ReleaseInitrd }

// initrdUnmapped takes the direct map's entries away with the others.
func initrdUnmapped(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FreeInitrd = func(k *hooks.Kernel) {
		hooks.FreeInitrd(k)
		for pfn := k.M.L.Early.Initrd.From; pfn < k.M.L.Early.Initrd.To; pfn++ {
			hooks.SetPTEPfn(k, k.M.L.VA(pfn.PA()), 0, 0)
		}
	}
}

// balloonShort stops one page short.
func balloonShort(k *hooks.Kernel) {
	k.M.Kernel.Buffer.Flags |= model.Ballooned
	for pfn := k.M.L.Early.Extra.From; pfn+1 < k.M.L.Early.Extra.To; pfn++ {
		e := k.PV.MakePTE(k, uint64(pfn.PA())|uint64(k.KernelProt(false)&^model.NX))
		if rc := k.M.UpdateVAMapping(k.M.L.VA(pfn.PA()), e, model.UVMFNone); rc != model.OK {
			k.M.Bug("increase_reservation", rc)
		}
	}
}
