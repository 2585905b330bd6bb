package hooks

import "github.com/ptcheck/ptcheck/model"

// The vmalloc area. It is mapped in init_mm alone at first. Where upper tables
// of the kernel's part are copies, other address spaces get the entry when they
// fault on it, or all at once by VmallocSyncAll.

// Vmalloc maps a new page in the vmalloc area of init_mm (Linux: __vmalloc,
// map_vm_area).
func Vmalloc(k *Kernel) {
	va := k.lifeMap().Vmalloc
	pfn := k.getZeroedPage(true)
	pmd, _ := k.pmdOf(k.Base(), va, true)
	pte := k.Slot(k.TableOf(2, pmd), k.geo().Index(va, 1))
	k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(pfn, k.KernelProt(false))))
	k.life().VPage = model.Frame(pfn)
}

// Vfree takes the page away and keeps the tables (Linux: vfree, unmap_vm_area).
func Vfree(k *Kernel) {
	va := k.lifeMap().Vmalloc
	pmd, _ := k.pmdOf(k.Base(), va, false)
	k.clearPTE(k.Slot(k.TableOf(2, pmd), k.geo().Index(va, 1))) // ptep_get_and_clear
	k.PV.Life.FlushPage(k, va)
	pfn := model.PFN(k.life().VPage)
	k.life().VPage = model.NoFrame
	k.M.FreePage(pfn)
}

// VmallocTouch is an access of the kernel's to the vmalloc area: a store, unless a
// descriptor table lies there.
func VmallocTouch(k *Kernel) {
	va, width := k.lifeMap().Vmalloc, k.geo().Width
	if k.life().LDT >= 0 || len(k.M.GDT) > 0 {
		k.M.Load(va, width)
		return
	}
	k.M.Store(va, width, 0)
}

// AllocVMArea makes room in the vmalloc area, in every address space, for the
// platform to map something there, and has it do so (XenLinux: alloc_vm_area,
// drivers/xen/util.c).
func AllocVMArea(k *Kernel) {
	va := k.lifeMap().Vmalloc
	pfn := k.getZeroedPage(false)
	k.pmdOf(k.Base(), va, true)
	SyncVmalloc(k)
	k.PV.Life.MapVMArea(k, va, pfn)
	k.life().VPage = model.Frame(pfn)
}

// lazyLevel is the level of the entries of the kernel's part that an address
// space may lack.
func (k *Kernel) lazyLevel() int {
	if k.geo().Levels == 4 {
		return 4
	}
	return 2
}

// sharedKernelPMD is SHARED_KERNEL_PMD: with three levels the backend's choice,
// with two there is no L2 to share.
func (k *Kernel) sharedKernelPMD() bool { return k.geo().Levels == 3 && k.PV.SharedKernelPMD }

// VmallocSyncOne gives the address space at pgd init_mm's entry for va, if it has
// none. What may be held back is carried out: the caller is going to use it
// (Linux: vmalloc_sync_one). ok is false where init_mm has none either.
func VmallocSyncOne(k *Kernel, pgd, va model.VA) (ok bool) {
	level := k.lazyLevel()
	ref, ok := k.entryOf(k.Base(), va, level)
	if !ok || k.Val(level, k.Read(ref)) == 0 {
		return false
	}
	entry, ok := k.entryOf(pgd, va, level)
	if !ok {
		return false
	}
	if k.Val(level, k.Read(entry)) == 0 {
		k.SetUpper(level, entry, k.Read(ref))
		k.PV.Life.FlushLazy(k)
	} else if k.TableOf(level, entry) != k.TableOf(level, ref) {
		k.M.Bug("vmalloc_sync_one", model.OK)
	}
	return true
}

// VmallocSyncMM does so for an address space that may be in use, under its lock: a table
// that is just being pinned or unpinned is read-only and no table yet, or no longer
// (Linux: vmalloc_sync_all, 617d34d9e5d8, 2.6.37; XenLinux 2.6.18, "synchronize
// vmalloc_sync_all() with mm_{,un}pin()"). A root that is no process's yet is not pinned.
func VmallocSyncMM(k *Kernel, pgd model.VA) {
	lock := k.mmLock(pgd)
	k.M.Lock(lock)
	k.Fn.Life.VmallocSyncOne(k, pgd, k.lifeMap().Vmalloc)
	k.M.Unlock(lock)
}

// VmallocSyncAll does so for every address space on pgd_list (Linux:
// vmalloc_sync_all).
func VmallocSyncAll(k *Kernel) {
	if k.sharedKernelPMD() {
		return
	}
	k.lockList()
	l := k.life()
	for pfn, ok := l.List.Next(0); ok; pfn, ok = l.List.Next(pfn + 1) {
		k.Fn.Life.VmallocSyncMM(k, k.RootVA(model.Frame(pfn)))
	}
	k.unlockList()
}

// SyncVmalloc is a call of vmalloc_sync_all. From its end on every address space
// that there is, and every new one, has the entry.
func SyncVmalloc(k *Kernel) {
	ref, ok := k.entryOf(k.Base(), k.lifeMap().Vmalloc, k.lazyLevel())
	ok = ok && k.Val(k.lazyLevel(), k.Read(ref)) != 0
	k.Fn.Life.VmallocSyncAll(k)
	k.life().Synced = k.life().Synced || ok
}

// vmallocFault handles a fault in the vmalloc area (Linux: vmalloc_fault).
func (k *Kernel) vmallocFault(va model.VA) bool {
	page := va &^ (model.PageSize - 1)
	if page != k.lifeMap().Vmalloc || !k.Fn.Life.VmallocSyncOne(k, k.RootVA(k.PV.Life.ReadCR3(k)), va) {
		return false
	}
	pmd, ok := k.pmdOf(k.Base(), va, false)
	if !ok {
		return false
	}
	pte := k.Slot(k.TableOf(2, pmd), k.geo().Index(va, 1))
	return k.PV.PTEVal(k, k.Read(pte))&uint64(model.Present) != 0
}
