package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Descriptor tables: Xen wants them read-only under every address.

// LoadGDT makes the page of a descriptor table read-only under both its addresses
// and loads it (Linux: xen_load_gdt, 2.6.30).
func LoadGDT(k *hooks.Kernel, va model.VA) {
	pfn := pageBehind(k, va, "xen_load_gdt")
	MakeLowmemPageReadonly(k, va)
	if pfn < k.M.L.Kernel.MaxLowPFN {
		MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
	}
	if rc := k.M.SetGDT(pfnToMFN(k, pfn)); rc != model.OK {
		k.M.Bug("xen_load_gdt", rc)
	}
}

// pageBehind is the page that init_mm maps at an address.
func pageBehind(k *hooks.Kernel, va model.VA, name string) model.PFN {
	pte, _, ok := k.LookupAddress(va)
	if !ok {
		k.M.Bug(name, model.OK)
	}
	return model.PA(k.PV.PTEVal(k, k.Read(pte)) & uint64(model.FrameMask)).PFN()
}

// SetAliasedProt changes the rights of a page of the vmalloc area under both its
// addresses. It touches the address first: the current address space may not have
// the upper entry yet, and the hypervisor does not fault it in (Linux:
// set_aliased_prot, with the probe of its fix).
func SetAliasedProt(k *hooks.Kernel, va model.VA, readOnly bool) {
	k.M.Load(va, k.M.L.Geo.Width)
	AliasedProt(k, va, readOnly)
}

// AliasedProt is SetAliasedProt without the touch.
func AliasedProt(k *hooks.Kernel, va model.VA, readOnly bool) {
	pfn := pageBehind(k, va, "set_aliased_prot")
	e := makeEntry(k, uint64(pfn.PA())|uint64(k.KernelProt(readOnly)))
	if rc := k.M.UpdateVAMapping(va, e, model.UVMFNone); rc != model.OK {
		k.M.Bug("set_aliased_prot", rc)
	}
	if pfn >= k.M.L.Kernel.MaxLowPFN {
		hooks.KmapFlushUnused(k)
	} else if rc := k.M.UpdateVAMapping(k.M.L.VA(pfn.PA()), e, model.UVMFNone); rc != model.OK {
		k.M.Bug("set_aliased_prot", rc)
	}
}

// SetLDT loads an LDT by its linear address (Linux: xen_set_ldt, a multicall of one
// mmuext_op; xen_mc_flush ends in BUG if it is refused).
func SetLDT(k *hooks.Kernel, va model.VA, entries int) {
	if rc := k.M.SetLDT(va, entries); rc != model.OK {
		k.M.Bug("xen_set_ldt", rc)
	}
}

// MapVMArea has the hypervisor map a page at an address, in the tables in use, as
// it does with a page that another domain grants (Xen: GNTTABOP_map_grant_ref with
// GNTMAP_host_map walks them like update_va_mapping).
func MapVMArea(k *hooks.Kernel, va model.VA, pfn model.PFN) {
	e := makeEntry(k, uint64(pfn.PA())|uint64(k.KernelProt(false)))
	if rc := k.M.UpdateVAMapping(va, e, model.UVMFInvlpg); rc != model.OK {
		k.M.Bug("alloc_vm_area", rc)
	}
}
