// Package mmuupdate is a worked example of a backend: a guest of Xen that asks for each
// change of a leaf by a hypercall, as the kernels of XenSource did. Mainline's kernel,
// in package xen, stores to its tables and has Xen emulate that.
package mmuupdate

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// Ops returns the hooks: those of package xen with other setters of leaves.
func Ops() hooks.Ops {
	o := xen.Ops()
	o.Name = "mmu-update"
	o.SetPTE[model.VariantInit] = SetPTEInit
	o.SetPTE[model.VariantLate] = SetPTE
	return o
}

// SetPTE writes a leaf entry by mmu_update (XenLinux 2.6.18, xen_l1_entry_update in
// arch/i386/mm/hypervisor.c). The hypervisor writes an eight-byte entry whole.
func SetPTE(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	pa := k.M.L.PA(ptep)
	machine := uint64(k.M.L.Map.MFN(model.Frame(pa.PFN())))<<model.PageShift | uint64(pa)&(model.PageSize-1)
	if rc := k.M.MMUUpdate(machine|model.MMUNormal, pte); rc != model.OK {
		k.M.Bug("xen_l1_entry_update", rc)
	}
}

// SetPTEInit leaves pages read-only that are, during construction: they are tables.
func SetPTEInit(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if old := k.Read(ptep); old.Is(model.Present) && !old.Is(model.RW) {
		pte &^= model.RW
	}
	SetPTE(k, ptep, pte)
}
