package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// smpMutants are bugs that need a second processor.
func smpMutants() []Mutant {
	return []Mutant{
		{ID: "L03-list", What: "a root is on pgd_list while it is half built, and is passed over", Source: "XenLinux d702ee35e2, e426054787",
			Place: lifeSMP(3, "racevm"), Catch: "kernel-part-shared", Steps: 1, Change: ofKernel(listFirst)},
		{ID: "L03-copy", What: "the kernel's part is copied outside the lock, and listed too late", Source: "XenLinux 3074eec09f, fb94b59330",
			Place: lifeSMP(2, "racevm"), Catch: "kernel-part-shared", Steps: 1, Change: ofKernel(copyUnlocked)},
		{ID: "L07", What: "leaf tables are not locked while they are pinned: a store comes between read-only and pinned", Source: "Linux 74260714c56d",
			Place: lifeSMP(3, "pages"), Catch: "crash fault", Steps: 3, Change: ofKernel(pinUnlocked)},
		{ID: "L08", What: "a root is given up that another processor has left only by its own account", Source: "Linux 9f79991d4186",
			Place: lifeSMP(3, "pages"), Catch: "crash bug", Steps: 3, Change: ofKernel(believedRoot)},
		{ID: "L23-smp", What: "a page is freed when only the processor that takes it has flushed", Source: "Linux, merge 706a1ea65e6f",
			Place: lifeSMP(2, "race"), Catch: "no-dangling", Steps: 4, Change: ofKernel(flushHere)},
		{ID: "lazy-unlocked", What: "what a lazy section holds back is carried out after the table's lock has been released", Source: "Linux, include/asm-generic/pgtable.h, lazy MMU mode",
			Place: lifeSMP(2, "race"), Catch: "no-dangling", Steps: 4, Change: ofKernel(flushLate)},
	}
}

// listFirst puts a root on the list and fills it afterwards.
func listFirst(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.PgdCtor = func(k *hooks.Kernel, pgd model.VA, pmds []model.PFN) {
		hooks.ListPgd(k, pgd)
		hooks.CopyKernelPart(k, pgd, pmds)
	}
}

// copyUnlocked fills a root outside the lock that changes of the kernel's part take.
func copyUnlocked(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.PgdCtor = func(k *hooks.Kernel, pgd model.VA, pmds []model.PFN) {
		hooks.CopyKernelPart(k, pgd, pmds)
		hooks.ListPgd(k, pgd)
	}
}

// pinUnlocked makes all tables read-only, and then pins the root, under the lock of
// the address space alone.
func pinUnlocked(o *hooks.Ops, _ *hooks.Funcs) {
	visit := func(k *hooks.Kernel, level int, pfn model.PFN) bool {
		if !k.SetPagePinned(pfn, true) {
			xen.PageProt(k, pfn, true, level == k.M.L.Geo.Root())
		}
		return false
	}
	pin := func(k *hooks.Kernel, pgd model.VA) {
		k.LockMM(pgd)
		pinWith(k, pgd, func() { xen.WalkTables(k, pgd, visit) })
		k.UnlockMM(pgd)
	}
	o.ActivateMM, o.Life.DupMMap = pin, pin
}

// believedRoot takes a root only from processors that say that they use it.
func believedRoot(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
		xen.DropRoot(k, pgd)
		other := 1 - k.M.Running()
		n := k.M.Kernel.Life.Owner(model.Frame(k.PfnOf(pgd)))
		if k.M.Processors() > 1 && int(k.M.Kernel.Life.CPU[other].Current) == n {
			xen.DropRootOn(k, other, pgd)
		}
		k.LockMM(pgd)
		if k.PagePinned(k.PfnOf(pgd)) {
			xen.PgdUnpin(k, pgd)
		}
		k.UnlockMM(pgd)
	}
}

// flushHere flushes a page of a process on the running processor alone.
func flushHere(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.FlushPage = func(k *hooks.Kernel, va model.VA) { k.M.FlushPage(va) }
}

// flushLate carries out what was held back with the next flush of the TLB.
func flushLate(o *hooks.Ops, _ *hooks.Funcs) {
	flush := o.Life.FlushAll
	o.Life.LeaveLazy = func(k *hooks.Kernel) {
		xen.FlushLazyCPU(k)
		k.CPU().Lazy = model.LazyNone
	}
	o.Life.FlushAll = func(k *hooks.Kernel) {
		xen.FlushQueue(k)
		flush(k)
	}
}
