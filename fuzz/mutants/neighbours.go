package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// neighbourMutants are stores past a table's end, which land in the page behind it.
func neighbourMutants() []Mutant {
	const loops = "loops that run to and with PTRS_PER_PTE or PTRS_PER_PGD"
	return []Mutant{
		{ID: "leaf-past-end", What: "low memory's loop over a table's leaves writes one too many", Source: "Linux, kernel_physical_mapping_init; " + loops,
			Place: onNative(2), Catch: "stores-stay", Steps: 2, Change: ofKernel(leafPastEnd)},
		{ID: "leaf-past-end-xen", What: "the same under a hypervisor", Source: "Linux, kernel_physical_mapping_init; " + loops,
			Place: onXen(2), Catch: "stores-stay", Steps: 2, Change: ofKernel(leafPastEnd)},
	}
}

// leafPastEnd writes a leaf behind the last one of each full table.
func leafPastEnd(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		hooks.MapPage(k, pte, pfn)
		g := k.M.L.Geo
		if next := pte + model.VA(g.Width); int(next&(model.PageSize-1)) == g.Slots[1]*g.Width {
			hooks.MapPage(k, next, pfn+1)
		}
	}
}
