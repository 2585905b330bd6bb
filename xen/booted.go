package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// BootedOps returns the Xen hooks for a kernel that goes on after the boot, as
// Linux 2.6.23 to 2.6.30 had them with their mistakes corrected
// (arch/x86/xen/{mmu,enlighten}.c).
func BootedOps() hooks.Ops {
	o := Ops()
	o.SetPTE[model.VariantLate] = SetPTELazy
	o.SetPMD = setUpperLazy("xen_set_pmd")
	o.SetPUD = setUpperLazy("xen_set_pud")
	o.SetPGD = SetPGDBoth
	o.PTEVal, o.PMDVal, o.PGDVal = PresentVal, PresentVal, PresentVal
	o.WriteCR3 = WriteCR3Lazy
	o.ActivateMM = ActivateLife
	o.ExitMMap = ExitMM
	o.Life = hooks.LifeOps{
		AllocTable:      AllocTable,
		ReleaseTable:    ReleaseTable,
		PgdAlloc:        PgdAlloc,
		PgdFree:         PgdFree,
		DupMMap:         ActivateLife,
		ReadCR3:         func(k *hooks.Kernel) model.Frame { return k.M.Kernel.XenCR3 },
		EnterLazy:       EnterLazy,
		LeaveLazy:       LeaveLazy,
		FlushLazy:       FlushLazyMMU,
		KmapPTEReadOnly: func(k *hooks.Kernel, pfn model.PFN) bool { return k.PagePinned(pfn) },
		FlushAll:        func(k *hooks.Kernel) { k.M.FlushTLBAll() },
		FlushPage:       func(k *hooks.Kernel, va model.VA) { k.M.FlushPageAll(va) },
		LoadGDT:         LoadGDT,
		AllocLDT:        func(k *hooks.Kernel, va model.VA) { SetAliasedProt(k, va, true) },
		FreeLDT:         func(k *hooks.Kernel, va model.VA) { SetAliasedProt(k, va, false) },
		SetLDT:          SetLDT,
		MapVMArea:       MapVMArea,
		PinAll:          PinAll,
		UnpinAll:        UnpinAll,
		MarkInitPinned:  MarkInitPinned,
	}
	return o
}

// PresentVal is the reverse of making an entry: only the frame number of a present
// entry is a machine's (Linux: pte_mfn_to_pfn). Entries of pages without rights
// and of pages swapped out stay as they are.
func PresentVal(k *hooks.Kernel, e model.Entry) uint64 {
	if !e.Is(model.Present) {
		return uint64(e)
	}
	return entryVal(k, e)
}

// AllocTable makes a new table read-only if it goes below a pinned root (Linux:
// xen_alloc_ptpage). A page of high memory has no address of its own, but may have
// been left mapped by somebody.
func AllocTable(k *hooks.Kernel, pgd model.VA, level int, pfn model.PFN) {
	if !k.PagePinned(k.PfnOf(pgd)) {
		return
	}
	k.SetPagePinned(pfn, true)
	if pfn < k.M.L.Kernel.MaxLowPFN {
		MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
		if level == 1 && k.SplitLocks() {
			pinLeafTable(k, pfn)
		}
	} else {
		hooks.KmapFlushUnused(k)
	}
}

// ReleaseTable gives write permission back to a table that is in use no longer
// (Linux: xen_release_ptpage).
func ReleaseTable(k *hooks.Kernel, level int, pfn model.PFN) {
	if k.SetPagePinned(pfn, false) && pfn < k.M.L.Kernel.MaxLowPFN {
		if level == 1 && k.SplitLocks() {
			doUnpin(k, pfn)
		}
		MakeLowmemPageReadwrite(k, k.M.L.VA(pfn.PA()))
	}
}

// PgdAlloc makes the second root of a 64-bit process: Xen runs kernel and user
// both in user mode, each on a root of its own (Linux: xen_pgd_alloc).
func PgdAlloc(k *hooks.Kernel, mm *model.MM) {
	if !k.M.L.Geo.SignExtend {
		return
	}
	pfn, ok := k.M.AllocPage(false)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "Out of memory"})
	}
	k.M.ClearPage(k.M.L.VA(pfn.PA()))
	mm.User = model.Frame(pfn)
}

// PgdFree frees it (Linux: xen_pgd_free).
func PgdFree(k *hooks.Kernel, mm *model.MM) {
	if mm.User != model.NoFrame {
		k.M.FreePage(model.PFN(mm.User))
	}
}

// userRoot is the user-mode root that goes with a root (Linux: xen_get_user_pgd);
// init_mm has none.
func userRoot(k *hooks.Kernel, root model.Frame) model.Frame {
	if n := k.M.Kernel.Life.Owner(root); n >= 0 {
		return k.M.Kernel.Life.MM[n].User
	}
	return model.NoFrame
}
