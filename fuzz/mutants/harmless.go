package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// The patches of the harmless changes.

// topDown maps low memory from its end.
func topDown(_ *hooks.Ops, f *hooks.Funcs) {
	whole := f.KernelPhysicalMappingInit
	f.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
		step := model.PFN(1)
		if k.M.L.Kernel.HasPSE {
			step = model.PFN(k.M.L.Geo.Span(2) / model.PageSize)
		}
		for pfn := k.M.L.Kernel.MaxLowPFN; pfn > 0; pfn -= min(step, pfn) {
			hooks.MapLeaf(k, base, pfn-1)
		}
		whole(k, base) // PAE has an L2 for each slot, with memory or without
	}
}

// pointersTwice writes every pointer to a table twice.
func pointersTwice(o *hooks.Ops, _ *hooks.Funcs) {
	for _, set := range []*func(*hooks.Kernel, model.VA, model.Entry){&o.SetPMD, &o.SetPUD, &o.SetPGD} {
		once := *set
		*set = func(k *hooks.Kernel, entry model.VA, e model.Entry) {
			once(k, entry, e)
			once(k, entry, e)
		}
	}
}

// toldTwice has alloc hooks run twice.
func toldTwice(o *hooks.Ops, _ *hooks.Funcs) {
	for v, alloc := range o.AllocPT {
		if alloc != nil {
			o.AllocPT[v] = func(k *hooks.Kernel, pgd model.VA, pfn model.PFN) { alloc(k, pgd, pfn); alloc(k, pgd, pfn) }
		}
	}
	alloc := o.AllocPD
	o.AllocPD = func(k *hooks.Kernel, pfn model.PFN) { alloc(k, pfn); alloc(k, pfn) }
}

func startTwice(o *hooks.Ops, _ *hooks.Funcs) {
	start := o.PagetableSetupStart
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) { start(k, base); start(k, base) }
}

func doneTwice(o *hooks.Ops, _ *hooks.Funcs) {
	done := o.PagetableSetupDone
	o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) { done(k, base); done(k, base) }
}

// wholeEntries stores leaves of every width in one go (set_64bit).
func wholeEntries(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) { k.Write(ptep, pte) }
}

// setPresent is native_set_pte_present of 3-level tables: the lower half is cleared
// first.
func setPresent(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPTE[model.VariantLate]
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if k.M.L.Geo.Width == 8 {
			k.M.Store(ptep, 4, 0)
		}
		set(k, ptep, pte)
	}
}
