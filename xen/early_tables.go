package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// AllocPTEInit makes a new L1 table read-only and pins it (Linux 2.6.39:
// xen_alloc_pte_init): early in boot everything counts as pinned.
func AllocPTEInit(k *hooks.Kernel, _ model.VA, pfn model.PFN) {
	lowmemPage(k, pfn, true)
	pinL1(k, pfn)
}

// AllocPTELate notes in the page struct that the table is pinned, and does the
// same (xen_alloc_ptpage).
func AllocPTELate(k *hooks.Kernel, pgd model.VA, pfn model.PFN) {
	hooks.Touch(k, pfn)
	AllocPTEInit(k, pgd, pfn)
}

func pinL1(k *hooks.Kernel, pfn model.PFN) {
	if rc := k.M.Pin(1, pfnToMFN(k, pfn)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
}

// AllocPMD makes a new table above L1 read-only (xen_alloc_pmd_init, and later
// xen_alloc_ptpage, which notes it in the page struct).
func AllocPMD(k *hooks.Kernel, pfn model.PFN) {
	if k.M.Kernel.AllocPT == model.VariantLate {
		hooks.Touch(k, pfn)
	}
	lowmemPage(k, pfn, true)
}

// ReleasePTE unpins an L1 table and makes its page writable (xen_release_pte_init).
func ReleasePTE(k *hooks.Kernel, pfn model.PFN) {
	if rc := k.M.Unpin(pfnToMFN(k, pfn)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
	lowmemPage(k, pfn, false)
}

// SetPTEEarly is the leaf setter of construction (xen_set_pte_init): it clears the
// entries of frames that have no machine frame, and masks the write permission of
// others, see [MaskRW].
func SetPTEEarly(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if pte.MFN() == invalidMFN {
		pte = 0
	}
	SetPTE(k, ptep, MaskRW(k, ptep, pte))
}

// MaskRW takes the write permission from an entry that must not have it
// (mask_rw_pte). 2.6.39 on 64 bits goes by the frame: tables and future tables of
// the buffer are read-only, except in the early_ioremap slot through which the
// latest one is being filled; so is everything else in such slots. (The original took the
// frame before a buffer for its latest table while none of it was in use.) On 32 bits a
// present read-only entry stays read-only. 3.8 on 64 bits lets all pass: tables
// are mapped before they become tables.
func MaskRW(k *hooks.Kernel, ptep model.VA, pte model.Entry) model.Entry {
	b := &k.M.Kernel.Buffer
	switch {
	case !k.M.L.Geo.SignExtend:
		if old := k.Read(ptep); old.Is(model.Present) && !old.Is(model.RW) {
			pte &^= model.RW
		}
	case k.M.L.Early.TopDown:
	default:
		pfn := model.PFN(mfnToPFN(k, pte.MFN()))
		slot, latest := InSlots(k, ptep), pfn == b.End-1 && pfn >= b.Start
		if !slot && pfn >= b.Start && pfn < b.Top || slot && !latest {
			pte &^= model.RW
		}
	}
	return pte
}

// InSlots reports whether an entry is one of early_ioremap's static table
// (is_early_ioremap_ptep).
func InSlots(k *hooks.Kernel, ptep model.VA) bool {
	b := &k.M.Kernel.Buffer
	return b.Is(model.EarlyFixmap) && k.M.L.PA(ptep).PFN() == b.FixTable
}

// MakePTEEarly makes a leaf entry. The builder's list of machine frames and the
// tables that map it are never mapped writable (xen_make_pte_init; the list:
// XenLinux 73e4aa4e).
func MakePTEEarly(k *hooks.Kernel, val uint64) model.Entry {
	pfn := model.PA(val & uint64(model.FrameMask)).PFN()
	if k.M.Kernel.AllocPT == model.VariantInit && k.M.L.Early.P2M.Has(pfn) {
		val &^= uint64(model.RW)
	}
	return makeEntry(k, val)
}

// setUpperWalked stores an entry above L1 by hypercall. An address outside the
// direct map, as of a table in a slot of early_ioremap, is looked up in the tables
// (arbitrary_virt_to_machine).
func setUpperWalked(name string) func(k *hooks.Kernel, entry model.VA, e model.Entry) {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		var at uint64
		if k.M.L.PA(entry).PFN() < k.M.L.Kernel.MaxLowPFN {
			at = virtToMachine(k, entry)
		} else {
			pte, _, ok := k.LookupAddress(entry)
			if !ok {
				k.M.Bug("arbitrary_virt_to_machine", model.OK)
			}
			at = uint64(k.Read(pte).MFN())<<model.PageShift | uint64(entry)&(model.PageSize-1)
		}
		if rc := k.M.MMUUpdate(at|model.MMUNormal, e); rc != model.OK {
			k.M.Bug(name, rc)
		}
	}
}

// FreeP2M gives up the builder's list of machine frames once the kernel has its
// own: the root entry goes, then the list and its tables become writable and are
// handed to the boot allocator (Linux: xen_cleanmfnmap, xen_free_ro_pages).
func FreeP2M(k *hooks.Kernel) {
	l, r := k.M.L, k.M.L.Early.P2M
	k.SetPGD(k.Slot(k.Base(), l.Geo.Index(l.Early.P2MBase, l.Geo.Root())), 0)
	k.PV.FlushTLB(k)
	for pfn := r.From; pfn < r.To; pfn++ {
		lowmemPage(k, pfn, false)
	}
	hooks.Release(k, r.From, k.Fn.Early.P2MEnd(k))
}
