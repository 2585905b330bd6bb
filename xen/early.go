package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// EarlyOps returns the Xen hooks of later kernels (Linux 2.6.39 to 3.8,
// arch/x86/xen/mmu.c).
func EarlyOps() hooks.Ops {
	ops := Ops()
	ops.PagetableSetupStart = SetupKernelPagetable
	ops.PagetableSetupDone = EarlySetupDone
	ops.AllocPT[model.VariantInit] = AllocPTEInit
	ops.AllocPT[model.VariantLate] = AllocPTELate
	ops.AllocPD = AllocPMD
	ops.ReleasePT = ReleasePTE
	ops.SetPTE[model.VariantInit] = SetPTEEarly
	ops.SetPMD = setUpperWalked("xen_set_pmd")
	ops.SetPUD = setUpperWalked("xen_set_pud")
	ops.SetPGD = setUpperWalked("xen_set_pgd")
	ops.MakePTE = MakePTEEarly
	ops.Early = hooks.EarlyOps{
		MemorySetup:      MemorySetup,
		PagetableReserve: MappingPagetableReserve,
		FreeP2M:          FreeP2M,
		BalloonUp:        BalloonUp,
	}
	return ops
}

// SetupKernelPagetable moves the kernel to its own root: the tables of the direct
// map above L1 are copied, those of the list of machine frames linked as they
// are, then the new root is pinned and the builder's given up (Linux 2.6.39:
// xen_setup_kernel_pagetable).
func SetupKernelPagetable(k *hooks.Kernel, base model.VA) {
	l := k.M.L
	hooks.MemorySetup(k)
	k.M.Kernel.SetPTE = model.VariantInit
	k.M.Kernel.InitMM = model.Frame(l.Kernel.Root)
	builder := l.VA(l.Kernel.PTBase.PA())
	slots := l.Geo.Slots[l.Geo.Root()]
	for i := range slots {
		k.Write(k.Slot(base, i), k.Read(k.Slot(builder, i)))
	}
	for i := range slots {
		if !l.Geo.SignExtend || i == l.UserSlots() {
			copyMiddle(k, l.Geo.Root(), k.Slot(builder, i), k.Slot(base, i))
		}
	}
	MakeLowmemPageReadonly(k, base)
	handOver(k)
	writeCR3(k, l.Kernel.Root.PA())
}

// MemorySetup reserves the builder's tables and the list of machine frames, and
// takes a page of the brk for the list's leaf at each hole (Linux:
// xen_memory_setup and xen_build_dynamic_phys_to_machine; the brk's size: "Reserve
// 8MB of _brk for P2M leafs").
func MemorySetup(k *hooks.Kernel) {
	e, base := k.M.L.Early, k.M.L.Kernel.PTBase
	hooks.Reserve(k, base, base+model.PFN(e.NrPTFrames))
	hooks.Reserve(k, e.P2M.From, e.P2M.To)
	if holes := len(e.RAM) - 1; holes > 0 {
		hooks.ExtendBrk(k, holes)
	}
}

// EarlySetupDone lets the late hooks take over, which keep notes in page structs,
// and maps shared_info (Linux: xen_post_allocator_init).
func EarlySetupDone(k *hooks.Kernel, _ model.VA) {
	l := k.M.L
	k.M.Kernel.AllocPT, k.M.Kernel.SetPTE = model.VariantLate, model.VariantLate
	SetPTEMfn(k, l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, mfnProt(k))
	k.M.Kernel.SharedMapped = true
}

// mfnProt are the attributes of an entry that is made of a machine frame number
// (mfn_pte): making it loses none of them that the processor supports.
func mfnProt(k *hooks.Kernel) model.Entry {
	prot := k.KernelProt(false)
	if !k.M.L.Kernel.NX {
		prot &^= model.NX
	}
	return prot
}

// MappingPagetableReserve keeps the used part of the table buffer and makes the
// rest of it writable again (Linux 279b706b: xen_mapping_pagetable_reserve).
func MappingPagetableReserve(k *hooks.Kernel, from, to model.PFN) {
	hooks.Reserve(k, from, to)
	for pfn := to; pfn < k.M.Kernel.Buffer.Top; pfn++ {
		lowmemPage(k, pfn, false)
	}
}

// lowmemPage makes a page's direct-map entry read-only or writable, whether it is
// present or not. A page without an entry is left alone (Linux 2.6.39:
// make_lowmem_page_readonly, "vaddr missing").
func lowmemPage(k *hooks.Kernel, pfn model.PFN, readOnly bool) {
	va := k.M.L.VA(pfn.PA())
	pte, level, ok := k.LookupAddress(va)
	if !ok || level != 1 {
		return
	}
	e := k.Read(pte) | model.RW
	if readOnly {
		e &^= model.RW
	}
	if rc := k.M.UpdateVAMapping(va, e, model.UVMFNone); rc != model.OK {
		k.M.Bug("make_lowmem_page", rc)
	}
}

// BalloonUp takes the extra memory into use: each page gets its entry in the
// direct map, whose tables must be there (Linux: increase_reservation,
// drivers/xen/balloon.c).
func BalloonUp(k *hooks.Kernel) {
	k.M.Kernel.Buffer.Flags |= model.Ballooned
	x := k.M.L.Early.Extra
	for pfn := x.From; pfn < x.To; pfn++ {
		e := model.MakeEntry(pfnToMFN(k, pfn), mfnProt(k))
		if rc := k.M.UpdateVAMapping(k.M.L.VA(pfn.PA()), e, model.UVMFNone); rc != model.OK {
			k.M.Bug("increase_reservation", rc)
		}
	}
}
