package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// togetherMutants are bugs that need calls of two themes, or two calls side by side that
// nobody would have listed.
func togetherMutants() []Mutant {
	return []Mutant{
		{ID: "sync-unlocked", What: "vmalloc_sync_all takes no lock of the address space: its table is read-only and not pinned yet", Source: "Linux 617d34d9e5d8; linux-2.6.18-xen, \"synchronize vmalloc_sync_all() with mm_{,un}pin()\"",
			Place: lifeSMP(3, "racevm"), Catch: "crash fault", Steps: 2, Change: ofKernel(syncUnlocked)},
		{ID: "half-left", What: "a 64-bit root is given up when another processor has left it in kernel mode, and not yet in user mode", Source: "Linux, arch/x86/xen/mmu.c, xen_write_cr3: both loads are one batch",
			Place: lifeSMP(4, "fork"), Catch: "crash bug", Steps: 3, Change: ofKernel(halfLeft)},
		{ID: "unlisted-late", What: "a root leaves pgd_list when its tables are free already", Source: "linux-2.6.18-xen, the same commit: \"removing pgd-s from the global list rather late\"",
			Place: lifeSMP(3, "vmalloc"), Catch: "crash bug", Steps: 2, Change: ofKernel(unlistedLate)},
		{ID: "L14-ldt", What: "a page of high memory becomes an LDT while it is still mapped from an earlier kmap", Source: "Linux, arch/x86/xen/enlighten.c, set_aliased_prot",
			Place: lifeXen(3, "high+desc"), Catch: "crash fault", Steps: 7, Change: ofKernel(ldtKeepsKmap)},
		{ID: "protect-shared", What: "mprotect makes a page writable that is shared since a fork", Source: "Linux, mm/mprotect.c, dirty_accountable and PAGE_COPY",
			Place: lifeNative(2, "fork+pages"), Catch: "shared-read-only", Steps: 6, Change: ofKernel(protectShared)},
	}
}

// syncUnlocked gives every listed root the entry under the lock of the list alone.
func syncUnlocked(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.VmallocSyncMM = func(k *hooks.Kernel, pgd model.VA) {
		k.Fn.Life.VmallocSyncOne(k, pgd, k.M.L.Life.Vmalloc)
	}
}

// halfLeft looks at the root for kernel mode alone.
func halfLeft(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
		xen.DropRoot(k, pgd)
		root := model.Frame(k.PfnOf(pgd))
		other, n := 1-k.M.Running(), k.M.Kernel.Life.Owner(root)
		if int(k.M.Kernel.Life.CPU[other].Current) == n || k.M.CPUOf(other).CR3 == root {
			xen.DropRootOn(k, other, pgd)
		}
		k.LockMM(pgd)
		if k.PagePinned(k.PfnOf(pgd)) {
			xen.PgdUnpin(k, pgd)
		}
		k.UnlockMM(pgd)
	}
}

// unlistedLate frees a root's tables before it takes the root off the list.
func unlistedLate(_ *hooks.Ops, f *hooks.Funcs) {
	free, unlist := f.Life.PgdFree, f.Life.UnlistPgd
	f.Life.UnlistPgd = func(*hooks.Kernel, model.VA) {}
	f.Life.PgdFree = func(k *hooks.Kernel, n int) {
		pgd := k.RootVA(k.M.Kernel.Life.MM[n].Root)
		free(k, n)
		unlist(k, pgd)
	}
}

// ldtKeepsKmap changes the rights of a page under the address that it is given and under
// that of low memory, and forgets what high memory may be mapped at besides.
func ldtKeepsKmap(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.AllocLDT = func(k *hooks.Kernel, va model.VA) {
		pte, _, ok := k.LookupAddress(va)
		k.M.Load(va, k.M.L.Geo.Width)
		if !ok || model.PFN(k.M.L.Map.Frame(k.Read(pte).MFN())) < k.M.L.Kernel.MaxLowPFN {
			xen.AliasedProt(k, va, true)
			return
		}
		if rc := k.M.UpdateVAMapping(va, k.Read(pte)&^model.RW, model.UVMFNone); rc != model.OK {
			k.M.Bug("set_aliased_prot", rc)
		}
	}
}

// protectShared grants what was asked for, whoever shares the page.
func protectShared(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.NewRights = func(k *hooks.Kernel, pfn model.PFN, none bool) model.Entry {
		rights := hooks.NewRights(k, pfn, none)
		if rights.Is(model.Present) {
			rights |= model.RW
		}
		return rights
	}
}
