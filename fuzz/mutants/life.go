package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// lifeMutants are bugs of what Linux does with page tables once it has booted.
func lifeMutants() []Mutant {
	const mmu = "Linux, arch/x86/xen/mmu.c, "
	out := []Mutant{
		{ID: "L01-pin", What: "the walk that pins stops at the user's part: the kernel's L2 stays writable", Source: "Linux 5deb30d194d2",
			Place: lifeXen(3, "fork"), Catch: "crash bug", Steps: 2, Change: ofKernel(pinUserPart)},
		{ID: "L01-fork", What: "the same, when a process is copied", Source: "Linux 5deb30d194d2",
			Place: lifeXen(3, "fork"), Catch: "crash bug", Steps: 3, Change: ofKernel(forkPinsUserPart)},
		{ID: "L02-slots", What: "the L2 with the hypervisor's slots is in two roots", Source: "XenLinux 1818334292",
			Place: lifeXen(3, "fork"), Catch: "kernel-part-shared", Steps: 1,
			Change: ofKernel(func(o *hooks.Ops, _ *hooks.Funcs) { o.SharedKernelPMD = true })},
		{ID: "L04", What: "L2 tables are freed read-only", Source: "XenLinux ba529a426c",
			Place: lifeXen(3, "fork"), Catch: "nothing-left-behind", Steps: 3, Change: ofKernel(unpinWithoutL2)},
		{ID: "user-root-kept", What: "the root of user mode is not freed with the kernel's", Source: "Linux, arch/x86/xen/mmu.c, xen_pgd_free",
			Place: lifeXen(4, "pages"), Catch: "nothing-left-behind", Steps: 2,
			Change: ofKernel(func(o *hooks.Ops, _ *hooks.Funcs) { o.Life.PgdFree = func(*hooks.Kernel, *model.MM) {} })},
		{ID: "L05", What: "a suspension pins the roots of processes, not all roots", Source: "XenLinux c60a806bc2",
			Place: lifeXen(3, "suspend"), Catch: "known-at-suspend", Steps: 4, Change: ofKernel(pinProcessesOnly)},
		{ID: "L06", What: "the walk that pins ends where the running task's address space does", Source: "XenLinux e808fe9ad9",
			Place: lifeXen(4, "small"), Catch: "crash bug", Steps: 5, Change: ofKernel(pinToTaskSize)},
		{ID: "L09", What: "an entry of the vmalloc area that was just made is held back while the fault returns", Source: "Linux 1160c2779b82",
			Place: lifeXen(4, "lazy"), Catch: "queue-flushed", Steps: 5, Change: ofKernel(syncWithoutFlush)},
		{ID: "L09-pae", What: "the same with three levels", Source: "Linux 1160c2779b82",
			Place: lifeXen(3, "lazy"), Catch: "queue-flushed", Steps: 5, Change: ofKernel(syncWithoutFlush)},
		{ID: "L11", What: "vmalloc_sync_all does nothing with three levels", Source: "XenLinux bbf3a3eebd",
			Place: lifeXen(3, "vmalloc"), Catch: "kernel-part-shared", Steps: 2, Change: ofKernel(noSyncPAE)},
		{ID: "L11-grant", What: "the same; the hypervisor finds no table for what it is to map", Source: "XenLinux bbf3a3eebd",
			Place: lifeXen(3, "vmalloc"), Catch: "crash bug", Steps: 3, Change: ofKernel(noSyncPAE)},
		{ID: "L12", What: "a hypercall names an address of the vmalloc area that the address space does not have yet", Source: mmu + "set_aliased_prot; 162e37171276",
			Place: lifeXen(3, "desc"), Catch: "crash bug", Steps: 4, Change: ofKernel(noProbe)},
	}
	return append(out, lifeAliasMutants()...)
}

// lifeAliasMutants are those about second mappings of a page, flushes and entries.
func lifeAliasMutants() []Mutant {
	return []Mutant{
		{ID: "L13", What: "of the GDT's two mappings one stays writable", Source: "Linux 9976b39b5031",
			Place: lifeXen(3, "desc"), Catch: "aliases-agree", Steps: 2, Change: ofKernel(oneAlias)},
		{ID: "L14", What: "a page in high memory becomes a table while it is still mapped from an earlier kmap", Source: "XenLinux 931a2bf97f",
			Place: lifeXen(3, "high"), Catch: "aliases-agree", Steps: 5, Change: ofKernel(staleKmap)},
		{ID: "L15", What: "kunmap_atomic leaves the mapping", Source: "XenLinux b5487780ac",
			Place: lifeNative(3, "high"), Catch: "no-dangling", Steps: 2, Change: ofKernel(keepAtomic)},
		{ID: "L15-pin", What: "the same; the page becomes a table", Source: "XenLinux b5487780ac",
			Place: lifeXen(3, "high"), Catch: "aliases-agree", Steps: 3, Change: ofKernel(keepAtomic)},
		{ID: "L15-zap", What: "kunmap_atomic takes any mapping away, that of low memory too", Source: "XenLinux 4a9f0032ae",
			Place: lifeNative(3, "high"), Catch: "translations-kept", Steps: 1, Change: ofKernel(zapAny)},
		{ID: "L18-late", What: "L2 entries are written by plain stores after boot", Source: "XenLinux bc1d3194fa",
			Place: lifeXen(3, "vmalloc"), Catch: "crash fault", Steps: 1, Change: ofKernel(storePMD)},
		{ID: "L22", What: "a fault that only an outdated read-only translation causes is fatal", Source: "XenLinux d6a811acc8",
			Place: lifeXen(2, "desc"), Catch: "crash fault", Steps: 7, Change: ofKernel(fatalSpurious)},
		{ID: "L23", What: "pages are freed before the flush", Source: "Linux, merge 706a1ea65e6f",
			Place: lifeNative(3, "fork"), Catch: "no-dangling", Steps: 4, Change: ofKernel(freeThenFlush)},
		{ID: "L25", What: "a second root is written one page further, where there is none", Source: "Linux, native_set_pgd with page-table isolation",
			Place: lifeXen(4, "pages"), Catch: "crash fault", Steps: 3, Change: ofKernel(twinRoot)},
		{ID: "B22", What: "tables become writable without a flush, in a kernel that cannot take the fault", Source: "Linux 488f046df922",
			Place: lifeXen(3, "fork"), Catch: "crash fault", Steps: 5, Change: ofKernel(recycleUnflushed)},
		{ID: "B42", What: "the LDT is given by its machine address", Source: "Linux 15c84731d647",
			Place: lifeXen(3, "desc"), Catch: "crash fault", Steps: 5, Change: ofKernel(machineLDT)},
		{ID: "B43-pte", What: "entries that are not present are converted, and read as present", Source: "Linux df912ea4ae72; XenLinux eee7931c83",
			Place: lifeXen(3, "pages"), Catch: "crash bug", Steps: 5, Change: ofKernel(convertAll)},
		{ID: "lazy-leave", What: "a lazy section ends with updates held back", Source: "Linux, include/asm-generic/pgtable.h, lazy MMU mode",
			Place: lifeXen(3, "pages"), Catch: "queue-flushed", Steps: 4, Change: ofKernel(leaveUnflushed)},
		{ID: "no-dead-lock", What: "the last user of a root frees it while it is loaded", Source: "Linux, mmdrop and lazy TLB mode",
			Place: lifeNative(2, "fork"), Catch: "no-dangling", Steps: 3, Change: ofKernel(freeLoaded)},
	}
}

func mfnOf(k *hooks.Kernel, pfn model.PFN) model.MFN { return k.M.L.Map.MFN(model.Frame(pfn)) }

// pinWith pins the root at pgd after a walk.
func pinWith(k *hooks.Kernel, pgd model.VA, walk func()) {
	walk()
	xen.PinRoots(k, pgd)
}

// userWalk pins without the kernel's L2.
func userWalk(k *hooks.Kernel, pgd model.VA) {
	pinWith(k, pgd, func() { xen.WalkLimit(k, pgd, k.M.L.UserSlots(), false, xen.PinPage) })
}

func pinUserPart(o *hooks.Ops, _ *hooks.Funcs) { o.ActivateMM = userWalk }

func forkPinsUserPart(o *hooks.Ops, _ *hooks.Funcs) { o.Life.DupMMap = userWalk }

// unpinWithoutL2 forgets to make L2 tables writable when it unpins.
func unpinWithoutL2(o *hooks.Ops, _ *hooks.Funcs) {
	visit := func(k *hooks.Kernel, level int, pfn model.PFN) bool {
		if level == 2 {
			k.SetPagePinned(pfn, false)
			return false
		}
		return xen.UnpinPage(k, level, pfn)
	}
	o.ExitMMap = exitWith(visit)
}

// exitWith is the exit of an address space with another visit of its tables.
func exitWith(visit func(k *hooks.Kernel, level int, pfn model.PFN) bool) func(*hooks.Kernel, model.VA) {
	return func(k *hooks.Kernel, pgd model.VA) {
		xen.DropMMRef(k, pgd)
		if !k.PagePinned(k.PfnOf(pgd)) {
			return
		}
		if rc := k.M.Unpin(mfnOf(k, k.PfnOf(pgd))); rc != model.OK {
			k.M.Bug("xen_pgd_unpin", rc)
		}
		xen.WalkTables(k, pgd, visit)
	}
}

// pinProcessesOnly leaves out roots whose process has ended.
func pinProcessesOnly(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.PinAll = func(k *hooks.Kernel) {
		l := &k.M.Kernel.Life
		list := l.List
		for i := range l.MM {
			if l.MM[i].Dead {
				model.Put(&l.List, l.MM[i].Root, false)
			}
		}
		xen.PinAll(k)
		l.List = list
	}
}

// pinToTaskSize bounds the walk by TASK_SIZE, which depends on who runs: while a new
// program's address space comes into use, on what ran before.
func pinToTaskSize(o *hooks.Ops, _ *hooks.Funcs) {
	pin := func(k *hooks.Kernel, pgd model.VA) {
		slots := k.M.L.UserSlots()
		runs := k.CPU().Current
		if prev := k.CPU().Prev; prev >= 0 {
			runs = prev
		}
		if lm := k.M.L.Life; lm.Small >= 0 && int(runs) == lm.Small {
			slots = k.M.L.Geo.Index(lm.TaskSize, k.M.L.Geo.Root())
		}
		pinWith(k, pgd, func() { xen.WalkLimit(k, pgd, slots, true, xen.PinPage) })
	}
	o.ActivateMM, o.Life.DupMMap = pin, pin
}

// syncWithoutFlush does not carry out what the fault handler has just set.
func syncWithoutFlush(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.VmallocSyncOne = func(k *hooks.Kernel, pgd, va model.VA) bool {
		pv := *k.PV
		pv.Life.FlushLazy = func(*hooks.Kernel) {}
		return hooks.VmallocSyncOne(&hooks.Kernel{M: k.M, PV: &pv, Fn: k.Fn}, pgd, va)
	}
}

// noSyncPAE takes the kernel's L2 tables for shared wherever there are three
// levels.
func noSyncPAE(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.VmallocSyncAll = func(k *hooks.Kernel) {
		if k.M.L.Geo.Levels != 3 {
			hooks.VmallocSyncAll(k)
		}
	}
}

// noProbe does not touch the LDT's address before it hands it to a hypercall.
func noProbe(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.AllocLDT = func(k *hooks.Kernel, va model.VA) { xen.AliasedProt(k, va, true) }
}

// oneAlias makes the GDT read-only at the address that it is loaded from alone.
func oneAlias(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.LoadGDT = func(k *hooks.Kernel, va model.VA) {
		pte, _, _ := k.LookupAddress(va)
		mfn := k.Read(pte).MFN()
		xen.MakeLowmemPageReadonly(k, va)
		if rc := k.M.SetGDT(mfn); rc != model.OK {
			k.M.Bug("xen_load_gdt", rc)
		}
	}
}

// staleKmap does not look for kmaps that are left over when a page becomes a table.
func staleKmap(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.AllocTable = func(k *hooks.Kernel, pgd model.VA, level int, pfn model.PFN) {
		if pfn < k.M.L.Kernel.MaxLowPFN {
			xen.AllocTable(k, pgd, level, pfn)
		} else if k.PagePinned(k.PfnOf(pgd)) {
			k.SetPagePinned(pfn, true)
		}
	}
	pin := func(k *hooks.Kernel, pgd model.VA) {
		pinWith(k, pgd, func() { xen.WalkTables(k, pgd, xen.PinPage) })
	}
	o.ActivateMM, o.Life.DupMMap = pin, pin
}

// keepAtomic leaves an atomic mapping for the next one to replace.
func keepAtomic(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.KunmapAtomic = func(k *hooks.Kernel, _ model.VA, _ int) { k.PV.Life.FlushLazy(k) }
}

// zapAny takes whatever mapping an address has.
func zapAny(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.KunmapAtomic = func(k *hooks.Kernel, va model.VA, index int) {
		page := va &^ (model.PageSize - 1)
		if page == k.M.L.Fix(index) {
			hooks.KunmapAtomic(k, va, index)
			return
		}
		if pte, ok := k.Lookup(page); ok {
			k.PV.SetPTE[model.VariantLate](k, pte, 0)
			k.PV.FlushTLBSingle(k, page)
		}
	}
}

// fatalSpurious takes every fault in the kernel's part for an error.
func fatalSpurious(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.SpuriousFault = func(*hooks.Kernel, model.VA, bool) bool { return false }
}

// freeThenFlush gives pages back before no processor can reach them any more.
func freeThenFlush(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.TLBFinish = func(k *hooks.Kernel, n int, g *hooks.Gather) {
		hooks.FreeGathered(k, g)
		k.FlushMM(n)
	}
}

// twinRoot writes entries of the user's part to the next page too.
func twinRoot(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPGD
	o.SetPGD = func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		set(k, entry, e)
		if int(entry&(model.PageSize-1))/k.M.L.Geo.Width < k.M.L.UserSlots() {
			k.Write(entry+model.PageSize, e)
		}
	}
}

// unflushedUnpin makes a table writable and leaves outdated translations.
func unflushedUnpin(k *hooks.Kernel, _ int, pfn model.PFN) bool {
	if k.SetPagePinned(pfn, false) && pfn < k.M.L.Kernel.MaxLowPFN {
		xen.PageProt(k, pfn, false, false)
	}
	return false
}

// recycleUnflushed does so in a kernel without a fault handler that tolerates it,
// as early in the boot.
func recycleUnflushed(o *hooks.Ops, f *hooks.Funcs) {
	o.ExitMMap = exitWith(unflushedUnpin)
	fatalSpurious(o, f)
}

// machineLDT gives the machine address of the LDT instead of the linear one.
func machineLDT(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.SetLDT = func(k *hooks.Kernel, va model.VA, entries int) {
		if pte, _, ok := k.LookupAddress(va); ok && entries > 0 {
			va = model.VA(k.Read(pte).MFN()) << model.PageShift
		}
		xen.SetLDT(k, va, entries)
	}
}

// convertAll reads leaf entries as the kernel of 2007 did: whatever has a lower half
// is converted and present.
func convertAll(o *hooks.Ops, _ *hooks.Funcs) {
	convert := xen.Ops().PTEVal
	o.PTEVal = func(k *hooks.Kernel, e model.Entry) uint64 {
		if uint32(e) == 0 {
			return 0
		}
		return convert(k, e)
	}
}

// leaveUnflushed ends lazy sections without carrying out what was held back.
func leaveUnflushed(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.LeaveLazy = func(k *hooks.Kernel) {
		xen.FlushLazyCPU(k)
		k.CPU().Lazy = model.LazyNone
	}
}

// freeLoaded frees a root as soon as its process has ended.
func freeLoaded(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, _ model.VA) { k.CPU().Current = -1 }
}
