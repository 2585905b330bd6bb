package hooks

import "github.com/ptcheck/ptcheck/model"

// LifeOps are the hooks of a backend once the kernel has booted, by what they
// were for in Linux 2.6.22 to 2.6.30 (struct pv_mmu_ops and its forerunners).
// They are set where a system goes on after the boot.
type LifeOps struct {
	// AllocTable is told of each new table of a level below the root at pgd before
	// it is linked, ReleaseTable of each one after it has been unlinked
	// (paravirt_alloc_pt and _pd, paravirt_release_pt and _pd).
	AllocTable   func(k *Kernel, pgd model.VA, level int, pfn model.PFN)
	ReleaseTable func(k *Kernel, level int, pfn model.PFN)
	// PgdAlloc and PgdFree see a new root, and one that goes (paravirt_pgd_alloc
	// and _free).
	PgdAlloc, PgdFree func(k *Kernel, mm *model.MM)
	// DupMMap ends a fork (arch_dup_mmap).
	DupMMap func(k *Kernel, pgd model.VA)
	// ReadCR3 is the root that the kernel believes loaded.
	ReadCR3 func(k *Kernel) model.Frame
	// EnterLazy and LeaveLazy bracket what may be held back; FlushLazy carries it
	// out at once (arch_enter_lazy_mmu_mode and so on).
	EnterLazy func(k *Kernel, mode model.LazyMode)
	LeaveLazy func(k *Kernel)
	FlushLazy func(k *Kernel)
	// KmapPTEReadOnly says how a leaf table in high memory is to be mapped
	// (kmap_atomic_pte).
	KmapPTEReadOnly func(k *Kernel, pfn model.PFN) bool
	// FlushAll and FlushPage flush on all processors (flush_tlb_mm, flush_tlb_page,
	// flush_tlb_kernel_range).
	FlushAll  func(k *Kernel)
	FlushPage func(k *Kernel, va model.VA)
	// LoadGDT loads a descriptor table, AllocLDT and FreeLDT ready the page of an
	// LDT, SetLDT loads it; no entries unload it.
	LoadGDT           func(k *Kernel, va model.VA)
	AllocLDT, FreeLDT func(k *Kernel, va model.VA)
	SetLDT            func(k *Kernel, va model.VA, entries int)
	// MapVMArea has the platform map a page at an address of the vmalloc area.
	MapVMArea func(k *Kernel, va model.VA, pfn model.PFN)
	// MarkInitPinned notes that init_mm's tables are read-only (late_initcall).
	MarkInitPinned func(k *Kernel)
	// PinAll readies all roots for a suspension, UnpinAll undoes it.
	PinAll, UnpinAll func(k *Kernel)
}

// LifeFuncs are generic functions of life after boot, as a table for the same
// reason as [Funcs].
type LifeFuncs struct {
	PgdCtor        func(k *Kernel, pgd model.VA, pmds []model.PFN)
	PmdCopy        func(k *Kernel, pmd model.VA, slot int)
	PgdFree        func(k *Kernel, n int)
	TableAlloc     func(k *Kernel, pgd model.VA, level int, entry model.VA)
	FreeTables     func(k *Kernel, n int, va model.VA, g *Gather)
	TLBFinish      func(k *Kernel, n int, g *Gather)
	CopyPage       func(k *Kernel, from, to int, va model.VA)
	PageFault      func(k *Kernel, f model.PageFault) bool
	SpuriousFault  func(k *Kernel, va model.VA, write bool) bool
	VmallocSyncOne func(k *Kernel, pgd, va model.VA) bool
	VmallocSyncAll func(k *Kernel)
	VmallocSyncMM  func(k *Kernel, pgd model.VA)
	UnlistPgd      func(k *Kernel, pgd model.VA)
	NewRights      func(k *Kernel, pfn model.PFN, none bool) model.Entry
	ClearPTE       func(k *Kernel, pte model.VA)
	KunmapAtomic   func(k *Kernel, va model.VA, index int)
	SwitchMM       func(k *Kernel, n int)
}

// GenericLife returns the kernel's own functions.
func GenericLife() LifeFuncs {
	return LifeFuncs{
		PgdCtor:        PgdCtor,
		PmdCopy:        PmdCopy,
		PgdFree:        PgdFree,
		TableAlloc:     TableAlloc,
		FreeTables:     FreeTables,
		TLBFinish:      TLBFinish,
		CopyPage:       CopyPage,
		PageFault:      PageFault,
		SpuriousFault:  SpuriousFault,
		VmallocSyncOne: VmallocSyncOne,
		VmallocSyncAll: VmallocSyncAll,
		VmallocSyncMM:  VmallocSyncMM,
		UnlistPgd:      UnlistPgd,
		NewRights:      NewRights,
		ClearPTE:       ClearPTE,
		KunmapAtomic:   KunmapAtomic,
		SwitchMM:       SwitchTo,
	}
}

// PagePinned is PG_pinned of a frame: the kernel keeps it read-only as a table.
func (k *Kernel) PagePinned(pfn model.PFN) bool {
	pinned := model.In(k.M.Kernel.Life.Pinned, model.Frame(pfn))
	k.M.NoteFlag(flagPinned, pfn, pinned)
	return pinned
}

// flagPinned is the name of that flag.
const flagPinned = "PG_pinned"

// SetPagePinned sets PG_pinned and returns what it was (TestSetPagePinned,
// TestClearPagePinned).
func (k *Kernel) SetPagePinned(pfn model.PFN, pinned bool) (was bool) {
	was = k.PagePinned(pfn)
	model.Put(&k.M.Kernel.Life.Pinned, model.Frame(pfn), pinned)
	k.M.NoteMark(flagPinned, pfn, pinned)
	return was
}

// CPU is what the kernel remembers for the processor that it runs on.
func (k *Kernel) CPU() *model.LifeCPU { return &k.M.Kernel.Life.CPU[k.M.Running()] }

func (k *Kernel) life() *model.Life       { return &k.M.Kernel.Life }
func (k *Kernel) lifeMap() *model.LifeMap { return k.M.L.Life }

// RootVA is the direct-map address of a root.
func (k *Kernel) RootVA(f model.Frame) model.VA { return k.layout().VA(model.PFN(f).PA()) }

// PfnOf is the frame of a direct-map address.
func (k *Kernel) PfnOf(va model.VA) model.PFN { return k.layout().PA(va).PFN() }
