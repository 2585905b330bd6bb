package hooks

import "github.com/ptcheck/ptcheck/model"

// Ops are the page-table hooks of a backend, by the names of struct
// paravirt_ops (Linux, include/asm-i386/paravirt.h, commit b239fb25). Like the
// original it is a table of functions, so that a test can replace one of them.
//
// Pointers to entries are virtual addresses; PFNs are pseudo-physical frame
// numbers.
type Ops struct {
	Name string
	// SharedKernelPMD: all address spaces may share the kernel's L2 tables
	// (paravirt_ops.shared_kernel_pmd).
	SharedKernelPMD bool
	// BootSetPTE and BootAllocPT are the variants of these hooks that are live
	// when the kernel starts.
	BootSetPTE, BootAllocPT model.Variant

	// PagetableSetupStart prepares the root at base before construction;
	// PagetableSetupDone ends construction.
	PagetableSetupStart func(k *Kernel, base model.VA)
	PagetableSetupDone  func(k *Kernel, base model.VA)

	// AllocPT is told of each new L1 table before it is linked below the root at
	// pgd, AllocPD of each new L2 (and of the 2-level root). ReleasePT and
	// ReleasePD are told after unlinking.
	AllocPT   [model.VariantLate + 1]func(k *Kernel, pgd model.VA, pfn model.PFN)
	AllocPD   func(k *Kernel, pfn model.PFN)
	ReleasePT func(k *Kernel, pfn model.PFN)
	ReleasePD func(k *Kernel, pfn model.PFN)

	// SetPTE, SetPMD, SetPUD and SetPGD store an L1, L2, L3 and root entry. In a
	// 2-level geometry the root is written by SetPMD; SetPUD exists with four
	// levels only.
	SetPTE [model.VariantLate + 1]func(k *Kernel, ptep model.VA, pte model.Entry)
	SetPMD func(k *Kernel, pmdp model.VA, pmd model.Entry)
	SetPUD func(k *Kernel, pudp model.VA, pud model.Entry)
	SetPGD func(k *Kernel, pgdp model.VA, pgd model.Entry)

	// MakePTE and friends turn a value with a physical frame number into an
	// entry; PTEVal and friends do the reverse.
	MakePTE func(k *Kernel, val uint64) model.Entry
	MakePMD func(k *Kernel, val uint64) model.Entry
	MakePGD func(k *Kernel, val uint64) model.Entry
	PTEVal  func(k *Kernel, pte model.Entry) uint64
	PMDVal  func(k *Kernel, pmd model.Entry) uint64
	PGDVal  func(k *Kernel, pgd model.Entry) uint64

	// WriteCR3 loads the root at a physical address.
	WriteCR3       func(k *Kernel, root model.PA)
	FlushTLB       func(k *Kernel)
	FlushTLBSingle func(k *Kernel, va model.VA)

	// ActivateMM readies an address space for its first use; ExitMMap ends it.
	ActivateMM func(k *Kernel, pgd model.VA)
	ExitMMap   func(k *Kernel, pgd model.VA)

	Early EarlyOps // later kernels only
	// Life are the hooks of life after boot, empty where there is none.
	Life LifeOps
}

// Funcs are the generic functions that call one another, as a table for the
// same reason as [Ops].
type Funcs struct {
	OneMDTableInit            func(k *Kernel, level int, entry model.VA) model.VA
	OnePageTableInit          func(k *Kernel, pmd model.VA) model.VA
	PageTableRangeInit        func(k *Kernel, start, end model.VA, base model.VA)
	KernelPhysicalMappingInit func(k *Kernel, base model.VA)
	MapLarge                  func(k *Kernel, pmd model.VA, pfn model.PFN)
	MapPage                   func(k *Kernel, pte model.VA, pfn model.PFN)
	PermanentKmapsInit        func(k *Kernel, base model.VA)
	PagetableInit             func(k *Kernel)
	ZapLowMappings            func(k *Kernel)

	Early EarlyFuncs // later kernels only
	Life  LifeFuncs
}

// Generic returns the kernel's own generic functions.
func Generic() Funcs {
	return Funcs{
		OneMDTableInit:            OneMDTableInit,
		OnePageTableInit:          OnePageTableInit,
		PageTableRangeInit:        PageTableRangeInit,
		KernelPhysicalMappingInit: KernelPhysicalMappingInit,
		MapLarge:                  MapLarge,
		MapPage:                   MapPage,
		PermanentKmapsInit:        PermanentKmapsInit,
		PagetableInit:             PagetableInit,
		ZapLowMappings:            ZapLowMappings,
		Early:                     GenericEarly(),
		Life:                      GenericLife(),
	}
}
