package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Kernels that do not look at what a hypercall answers. Nothing that they ask for
// is wrong, so only a hypervisor that is out of memory shows it.

// unheeded returns the mutants that ignore an answer.
func unheeded() []Mutant {
	const source = "Linux ab144f5ec64c: each hypercall is followed by BUG; XSA-247, XSA-279: answers that nobody looked at"
	row := func(id, what string, levels, steps int, patch func(*hooks.Ops, *hooks.Funcs)) Mutant {
		return Mutant{ID: id, What: what, Source: source, Place: onXen(levels), Catch: "refusals-heeded", Steps: steps, Change: ofKernel(patch)}
	}
	return []Mutant{
		row("unheeded-readonly", "whether a new table has become read-only is not looked at", 3, 2, readonlyUnheeded),
		row("unheeded-update", "whether a table was linked is not looked at", 3, 1, updateUnheeded),
		row("unheeded-cr3", "whether another root was loaded is not looked at", 2, 1, handOver(copyRoot, zeroRO, rootRO, loadAnyway)),
		{ID: "unheeded-ldt", What: "whether the LDT was loaded is not looked at", Source: "Linux, arch/x86/xen/enlighten.c, xen_set_ldt: a multicall, whose answers xen_mc_flush looks at",
			Place: lifeXen(3, "desc"), Catch: "refusals-heeded", Steps: 4, Change: ofKernel(ldtUnheeded)},
	}
}

func ldtUnheeded(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.SetLDT = func(k *hooks.Kernel, va model.VA, entries int) { k.M.SetLDT(va, entries) }
}

func readonlyUnheeded(o *hooks.Ops, _ *hooks.Funcs) {
	o.AllocPT[model.VariantInit] = func(k *hooks.Kernel, _ model.VA, pfn model.PFN) {
		va := k.M.L.VA(pfn.PA())
		if pte, _, ok := k.LookupAddress(va); ok {
			k.M.UpdateVAMapping(va, k.Read(pte)&^model.RW, model.UVMFNone)
		}
	}
}

func updateUnheeded(o *hooks.Ops, _ *hooks.Funcs) {
	set := func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		pa := k.M.L.PA(entry)
		mfn := k.M.L.Map.MFN(model.Frame(pa.PFN()))
		k.M.MMUUpdate(uint64(mfn)<<model.PageShift|uint64(pa)&(model.PageSize-1), e)
	}
	o.SetPMD, o.SetPGD = set, set
}
