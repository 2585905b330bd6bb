package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// pfnToMFN is pfn_to_mfn: a look-up in phys_to_machine_mapping. A number
// outside the guest's memory has no entry there.
func pfnToMFN(k *hooks.Kernel, pfn model.PFN) model.MFN {
	p := k.M.L.Map
	if pfn >= model.PFN(p.Guest()) || missing(k, pfn) {
		return invalidMFN
	}
	return p.MFN(model.Frame(pfn))
}

// invalidMFN is what pfnToMFN has for a frame without a machine frame
// (INVALID_P2M_ENTRY).
const invalidMFN = model.MFN(model.FrameMask >> model.PageShift)

// missing reports whether a later kernel's list says that a frame has no machine
// frame: it lies in a hole, or is to be ballooned up.
func missing(k *hooks.Kernel, pfn model.PFN) bool {
	e := k.M.L.Early
	return e != nil && !e.IsRAM(pfn) && !(e.Extra.Has(pfn) && k.M.Kernel.Buffer.Is(model.Ballooned))
}

// mfnToPFN is mfn_to_pfn: a look-up in the machine_to_phys table, which has all
// ones for frames that are not the guest's.
func mfnToPFN(k *hooks.Kernel, mfn model.MFN) uint64 {
	if f := k.M.L.Map.Frame(mfn); k.M.L.Map.IsGuest(f) {
		return uint64(f)
	}
	return 0xffff_ffff
}

// makeEntry is xen_make_pte, xen_make_pmd and xen_make_pgd: a present value's
// physical frame number becomes a machine frame number.
//
// On 32 bits the frame number passes through an unsigned long, so everything
// above bit 43 is lost, the NX bit with it. 64-bit kernels keep all flags
// (pte_pfn_to_mfn).
func makeEntry(k *hooks.Kernel, val uint64) model.Entry {
	if val&uint64(model.Present) == 0 {
		return model.Entry(val)
	}
	if k.M.L.Geo.SignExtend {
		pfn := model.Entry(val) & model.FrameMask >> model.PageShift
		return model.MakeEntry(pfnToMFN(k, model.PFN(pfn)), model.Entry(val).Flags())
	}
	pfn := model.PFN(uint32(val >> model.PageShift))
	return model.MakeEntry(pfnToMFN(k, pfn), model.Entry(val&(model.PageSize-1)))
}

// entryVal is xen_pmd_val, xen_pgd_val and, in PAE, xen_pte_val: any non-zero
// entry is converted and reads as present.
func entryVal(k *hooks.Kernel, e model.Entry) uint64 {
	if e == 0 {
		return 0
	}
	if k.M.L.Geo.SignExtend {
		return mfnToPFN(k, e.MFN())<<model.PageShift | uint64(e.Flags()|model.Present)
	}
	return mfnToPFN(k, e.MFN())<<model.PageShift | uint64(e)&(model.PageSize-1) | uint64(model.Present)
}

// pteVal is xen_pte_val: without PAE only a present entry is converted.
func pteVal(k *hooks.Kernel, e model.Entry) uint64 {
	if k.M.L.Geo.Width == 4 && !e.Is(model.Present) {
		return uint64(e)
	}
	return entryVal(k, e)
}

// virtToMachine is virt_to_machine of a direct-map address, in bytes.
func virtToMachine(k *hooks.Kernel, va model.VA) uint64 {
	pa := k.M.L.PA(va)
	return uint64(pfnToMFN(k, pa.PFN()))<<model.PageShift | uint64(pa)&(model.PageSize-1)
}

// MakeLowmemPageReadonly takes the write permission from a page's direct-map
// entry (Linux: make_lowmem_page_readonly). It does not ask whether the entry
// is present.
func MakeLowmemPageReadonly(k *hooks.Kernel, va model.VA) {
	changeLowmemPage(k, va, "make_lowmem_page_readonly", func(e model.Entry) model.Entry { return e &^ model.RW })
}

// MakeLowmemPageReadwrite gives it back (Linux: make_lowmem_page_readwrite).
func MakeLowmemPageReadwrite(k *hooks.Kernel, va model.VA) {
	changeLowmemPage(k, va, "make_lowmem_page_readwrite", func(e model.Entry) model.Entry { return e | model.RW })
}

func changeLowmemPage(k *hooks.Kernel, va model.VA, name string, change func(model.Entry) model.Entry) {
	pte, _, ok := k.LookupAddress(va)
	if !ok {
		k.M.Bug(name, model.OK)
	}
	if rc := k.M.UpdateVAMapping(va, change(k.Read(pte)), model.UVMFNone); rc != model.OK {
		k.M.Bug(name, rc)
	}
}

// SetPTE stores a leaf entry with plain stores, which the hypervisor emulates
// where the table is in use (Linux: xen_set_pte, f4f97b3e). A 32-bit kernel
// writes the upper half of a PAE entry first.
func SetPTE(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if k.M.L.Geo.Width == 8 && !k.M.L.Geo.SignExtend {
		k.M.Store(ptep+4, 4, uint64(pte>>32))
		k.M.Store(ptep, 4, uint64(uint32(pte)))
		return
	}
	k.Write(ptep, pte)
}

// SetPTEInit is the leaf setter of construction: it never adds write permission
// to a present read-only entry, so that rewriting all of low memory leaves
// table pages read-only (Linux: xen_set_pte_init with mask_rw_pte).
func SetPTEInit(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if old := k.Read(ptep); old.Is(model.Present) && !old.Is(model.RW) {
		pte &^= model.RW
	}
	SetPTE(k, ptep, pte)
}

// setUpper stores an entry above L1 by hypercall (Linux: xen_set_pmd,
// xen_set_pud, and xen_set_pgd with four levels).
func setUpper(name string) func(k *hooks.Kernel, entry model.VA, e model.Entry) {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		if rc := k.M.MMUUpdate(virtToMachine(k, entry)|model.MMUNormal, e); rc != model.OK {
			k.M.Bug(name, rc)
		}
	}
}

// SetPTEMfn maps va to a machine frame under swapper_pg_dir (Linux:
// set_pte_mfn).
func SetPTEMfn(k *hooks.Kernel, va model.VA, mfn model.MFN, flags model.Entry) {
	pte, ok := k.Lookup(va)
	if !ok {
		k.M.Bug("set_pte_mfn", model.OK)
	}
	k.PV.SetPTE[model.VariantLate](k, pte, model.MakeEntry(mfn, flags))
	flushTLBSingle(k, va)
}

// writeCR3 switches to the root at a physical address (Linux: xen_write_cr3).
// Asking for the root already in use only flushes the TLB.
func writeCR3(k *hooks.Kernel, root model.PA) {
	f := model.Frame(root.PFN())
	if k.M.Kernel.XenCR3 == f {
		flushTLB(k)
		return
	}
	k.M.Kernel.XenCR3 = f
	if rc := k.M.NewBaseptr(pfnToMFN(k, root.PFN())); rc != model.OK {
		k.M.Bug("xen_write_cr3", rc)
	}
}

// flushTLB is MMUEXT_TLB_FLUSH_LOCAL.
func flushTLB(k *hooks.Kernel) { k.M.FlushTLB() }

// flushTLBSingle is MMUEXT_INVLPG_LOCAL.
func flushTLBSingle(k *hooks.Kernel, va model.VA) { k.M.FlushPage(va) }
