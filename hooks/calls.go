package hooks

import "github.com/ptcheck/ptcheck/model"

// The calls of the boot protocol, as the kernel makes them in pagetable_init
// and paging_init and as a search makes them in any order. Each marks its
// beginning and end on the machine.

// SetupStart is the beginning of pagetable_init: the backend's setup_start,
// then the CPU features.
func SetupStart(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallSetupStart})
	k.M.NoteHook(model.HookSetupStart, k.layout().Kernel.Root)
	k.PV.PagetableSetupStart(k, k.Base())
	EnableFeatures(k)
	k.M.Kernel.Phase = model.PhaseStarted
	k.M.End(outer)
}

// MapLowmem maps all low memory.
func MapLowmem(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallMap, To: k.layout().Kernel.MaxLowPFN})
	k.Fn.KernelPhysicalMappingInit(k, k.Base())
	k.M.End(outer)
}

// MapLowmemLeaf maps the leaf of low memory that covers a frame.
func MapLowmemLeaf(k *Kernel, pfn model.PFN) {
	to := pfn + 1
	if k.layout().Kernel.HasPSE {
		span := model.PFN(k.geo().Span(2) >> model.PageShift)
		pfn &^= span - 1
		to = min(pfn+span, k.layout().Kernel.MaxLowPFN)
	}
	outer := k.M.Begin(model.Call{Kind: model.CallMap, From: pfn, To: to})
	MapLeaf(k, k.Base(), pfn)
	k.M.End(outer)
}

// CreateRange creates empty tables for a range of addresses.
func CreateRange(k *Kernel, start, end model.VA) {
	outer := k.M.Begin(model.Call{Kind: model.CallRange, Start: start, End: end})
	k.Fn.PageTableRangeInit(k, start, end, k.Base())
	k.M.End(outer)
}

// MapFixmap writes the leaf of a fixmap index. kind says what the kernel means
// by it: a mapping of its own or an alias of a page of low memory.
func MapFixmap(k *Kernel, kind model.CallKind, index int, pfn model.PFN, prot model.Entry) {
	outer := k.M.Begin(model.Call{Kind: kind, From: pfn, Index: index})
	SetFixmap(k, index, pfn, prot)
	k.M.End(outer)
}

// SetupDone is the end of pagetable_init.
func SetupDone(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallSetupDone})
	k.M.NoteHook(model.HookSetupDone, k.layout().Kernel.Root)
	k.PV.PagetableSetupDone(k, k.Base())
	k.M.Kernel.Phase = model.PhaseDone
	k.M.End(outer)
}

// LoadRoot makes the constructed tables the CPU's: load_cr3, CR4.PAE and the
// flush of paging_init (Linux, arch/i386/mm/init.c, b239fb25).
func LoadRoot(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallLoadRoot, From: k.layout().Kernel.Root})
	k.PV.WriteCR3(k, k.layout().Kernel.Root.PA())
	if k.layout().Boot != nil {
		k.M.SetCR4(model.CR4PAE)
	}
	k.PV.FlushTLB(k)
	k.M.Kernel.Phase = model.PhaseLoaded
	k.M.End(outer)
}

// Zap removes the low mappings.
func Zap(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallZap})
	k.Fn.ZapLowMappings(k)
	k.M.Kernel.Phase = model.PhaseZapped
	k.M.End(outer)
}

// Fork makes a second address space.
func Fork(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallPgdAlloc})
	PgdAlloc(k)
	k.M.End(outer)
}

// Activate readies the second address space for use.
func Activate(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallActivate})
	ActivateMM(k)
	k.M.End(outer)
}

// Switch loads the root of the second address space, or init_mm's.
func Switch(k *Kernel, second bool) {
	root := k.layout().Kernel.Root
	if second {
		root = model.PFN(k.M.Kernel.Second)
	}
	outer := k.M.Begin(model.Call{Kind: model.CallSwitch, From: root})
	SwitchMM(k, root)
	k.M.End(outer)
}

// Exit ends the second address space. Its frames stay with the boot allocator.
func Exit(k *Kernel) {
	outer := k.M.Begin(model.Call{Kind: model.CallExit})
	k.PV.ExitMMap(k, k.layout().VA(model.PFN(k.M.Kernel.Second).PA()))
	k.M.Kernel.Second = model.NoFrame
	k.M.End(outer)
}
