package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Ops2007 returns the hooks as commit ab144f5e had them, including its mistake in
// pinning two-level roots; it is for comparing with recordings of that kernel.
func Ops2007() hooks.Ops {
	ops := Ops()
	ops.PagetableSetupDone = PagetableSetupDone2007
	return ops
}

// Ops returns the Xen hooks (Linux: xen_paravirt_ops, arch/i386/xen/enlighten.c,
// ab144f5e), with two-level roots pinned as such, which that commit got wrong.
func Ops() hooks.Ops {
	return hooks.Ops{
		Name:                "xen",
		BootSetPTE:          model.VariantNone, // set by PagetableSetupStart
		BootAllocPT:         model.VariantInit,
		PagetableSetupStart: PagetableSetupStart,
		PagetableSetupDone:  PagetableSetupDone,
		AllocPT: [...]func(*hooks.Kernel, model.VA, model.PFN){
			model.VariantInit: AllocPTInit,
			model.VariantLate: AllocPT,
		},
		AllocPD:   AllocPD,
		ReleasePT: ReleasePT,
		ReleasePD: nopPFN,
		SetPTE: [...]func(*hooks.Kernel, model.VA, model.Entry){
			model.VariantInit: SetPTEInit,
			model.VariantLate: SetPTE,
		},
		SetPMD:         setUpper("xen_set_pmd"),
		SetPUD:         setUpper("xen_set_pud"),
		SetPGD:         setUpper("xen_set_pgd"),
		MakePTE:        makeEntry,
		MakePMD:        makeEntry,
		MakePGD:        makeEntry,
		PTEVal:         pteVal,
		PMDVal:         entryVal,
		PGDVal:         entryVal,
		WriteCR3:       writeCR3,
		FlushTLB:       flushTLB,
		FlushTLBSingle: flushTLBSingle,
		ActivateMM:     ActivateMM,
		ExitMMap:       ExitMMap,
	}
}

// PagetableSetupStart moves the kernel from the builder's root to its own
// (Linux: xen_pagetable_setup_start, ab144f5e). The root is a copy; its L2
// tables are copied too, because Xen does not let two PAE roots share the one
// that carries its own slots. L1 tables are shared. All copies, the zero page
// (a table later on) and the root become read-only before the switch.
func PagetableSetupStart(k *hooks.Kernel, base model.VA) {
	l := k.M.L
	k.M.Kernel.SetPTE = model.VariantInit
	k.M.Kernel.InitMM = model.Frame(l.Kernel.Root)

	builder := l.VA(l.Kernel.PTBase.PA())
	slots := l.Geo.Slots[l.Geo.Root()]
	for i := range slots {
		k.Write(k.Slot(base, i), k.Read(k.Slot(builder, i)))
	}
	if l.Geo.Levels > 2 {
		for i := range slots {
			copyMiddle(k, l.Geo.Root(), k.Slot(builder, i), k.Slot(base, i))
		}
	}
	MakeLowmemPageReadonly(k, l.VA(l.Kernel.ZeroPage.PA()))
	MakeLowmemPageReadonly(k, base)
	if l.Geo.SignExtend {
		handOver(k)
	}
	writeCR3(k, l.Kernel.Root.PA())
}

// handOver pins the kernel's root and gives up the builder's before the switch,
// as 64-bit kernels do (Linux 2.6.27, arch/x86/xen/mmu.c,
// xen_setup_kernel_pagetable).
func handOver(k *hooks.Kernel) {
	l := k.M.L
	if rc := k.M.Pin(l.Geo.Root(), pfnToMFN(k, l.Kernel.Root)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
	if rc := k.M.Unpin(pfnToMFN(k, l.Kernel.PTBase)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
}

// copyMiddle replaces the builder's table under one upper entry by a read-only
// copy of the kernel's own, and the tables above L1 under that one too. An
// empty entry stays as it is: pgd_clear does nothing here.
func copyMiddle(k *hooks.Kernel, level int, from, to model.VA) {
	e := k.Read(from)
	if !e.Is(model.Present) {
		return
	}
	l := k.M.L
	source := k.TableOf(level, from)
	pfn := copyFrame(k)
	table := l.VA(pfn.PA())
	slots := l.Geo.Slots[level-1]
	for i := range slots {
		k.Write(k.Slot(table, i), k.Read(k.Slot(source, i)))
	}
	if level-1 > 2 {
		for i := range slots {
			copyMiddle(k, level-1, k.Slot(source, i), k.Slot(table, i))
		}
	}
	MakeLowmemPageReadonly(k, table)
	flags := hooks.PageTable
	if !l.Geo.GrantsRights(level) {
		flags = model.Present
	}
	k.SetUpper(level, to, makeEntry(k, uint64(pfn.PA())|uint64(flags)))
}

// copyFrame is a frame for the copy of a table.
func copyFrame(k *hooks.Kernel) model.PFN {
	if e := k.M.L.Early; e != nil && e.BrkTables {
		return hooks.BrkTable(k)
	}
	return k.M.AllocBootmem()
}

// PagetableSetupDone ends construction (Linux: xen_pagetable_setup_done): the
// late hooks take over, shared_info is mapped in the fixmap and the root of a
// 32-bit kernel is pinned, as the level that it has.
func PagetableSetupDone(k *hooks.Kernel, base model.VA) { setupDone(k, k.M.L.Geo.Root()) }

// PagetableSetupDone2007 is the original of commit ab144f5e: it pins level 3 with
// and without PAE. In a 2-level geometry that is above the hypervisor's levels;
// the request is ignored with success, and CR3 alone holds the root.
func PagetableSetupDone2007(k *hooks.Kernel, base model.VA) { setupDone(k, 3) }

func setupDone(k *hooks.Kernel, pinLevel int) {
	l := k.M.L
	k.M.Kernel.AllocPT = model.VariantLate
	k.M.Kernel.SetPTE = model.VariantLate

	prot := k.KernelProt(false)
	if !l.Kernel.NX {
		prot &^= model.NX
	}
	SetPTEMfn(k, l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, prot)
	k.M.Kernel.SharedMapped = true

	if l.Geo.SignExtend {
		return // pinned by setup_start
	}
	if rc := k.M.Pin(pinLevel, pfnToMFN(k, l.Kernel.Root)); rc != model.OK {
		k.M.Bug("xen_pagetable_setup_done", rc)
	}
}

// AllocPTInit makes a new L1 table read-only (Linux: xen_alloc_pt_init): early
// in boot everything counts as pinned.
func AllocPTInit(k *hooks.Kernel, _ model.VA, pfn model.PFN) {
	MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
}

// AllocPT makes a new L1 table read-only if it goes into a pinned root (Linux:
// xen_alloc_pt).
func AllocPT(k *hooks.Kernel, pgd model.VA, pfn model.PFN) {
	if pagePinned(k, pgd) {
		MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
	}
}

// AllocPD does nothing on 32 bits, where the builder has made every L2 that the
// kernel needs. 64-bit kernels use xen_alloc_pte_init for all levels (Linux
// 2.6.27, arch/x86/xen/enlighten.c).
func AllocPD(k *hooks.Kernel, pfn model.PFN) {
	if k.M.L.Geo.SignExtend {
		MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
	}
}

// ReleasePT gives write permission back to an L1 table (Linux: xen_release_pt,
// which looks at the page's own pinned flag; tables are released from pinned
// roots only).
func ReleasePT(k *hooks.Kernel, pfn model.PFN) {
	MakeLowmemPageReadwrite(k, k.M.L.VA(pfn.PA()))
}

// pagePinned is PagePinned of a root: init_mm's is pinned from setup_done on.
func pagePinned(k *hooks.Kernel, pgd model.VA) bool {
	if pgd == k.Base() {
		return true
	}
	return k.M.Kernel.SecondPinned
}

func nopPFN(*hooks.Kernel, model.PFN) {}
