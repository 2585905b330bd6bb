package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// of2007 are kernels of 2007 that boot.
func of2007() Fits { return Fits{Kernel: invariants.FirstKernel, Span: invariants.Booting} }

// of2007On are those on a kind of machine.
func of2007On(m invariants.Machine) Fits {
	f := of2007()
	f.Machine = m
	return f
}

// booting are all kernels that boot.
func booting() Fits { return Fits{Span: invariants.Booting} }

// also adds a condition.
func (f Fits) also(only func(s *model.State) bool) Fits {
	f.Only = append(f.Only[:len(f.Only):len(f.Only)], only)
	return f
}

// orderVariations do things in other legal orders, or twice.
func orderVariations() []Variation {
	const construction = "Linux b239fb25, pagetable_init: tables are made where missing, leaves written whatever is there"
	return []Variation{
		{ID: "leaves-twice", What: "every leaf is written twice", Source: construction, Fits: booting(), Change: ofKernel(leavesTwice)},
		{ID: "top-down", What: "low memory is mapped from its end", Source: construction, Fits: of2007(), Change: ofKernel(topDown)},
		{ID: "pointers-twice", What: "every pointer to a table is written twice", Source: construction, Fits: of2007(), Change: ofKernel(pointersTwice)},
		{ID: "told-twice", What: "alloc hooks hear of a table twice", Source: "Linux ab144f5e, xen_alloc_pt_init: a page becomes read-only however often",
			Fits: of2007(), Change: ofKernel(toldTwice)},
		{ID: "zap-twice", What: "low mappings are zapped twice", Source: "Linux b239fb25, zap_low_mappings: called for each processor that starts",
			Fits: of2007(), Change: ofKernel(zapTwice)},
		{ID: "zap-downwards", What: "low mappings are zapped from the highest slot down", Source: "Linux b239fb25, zap_low_mappings",
			Fits: of2007(), Change: ofKernel(zapDownwards)},
		{ID: "zap-empties", What: "the zap leaves user slots empty where others let them name the zero page", Source: "Intel SDM vol. 3, 4.4.1: PAE root entries may be absent",
			Fits: of2007().also(levels(3)), Change: ofKernel(zapEmpties)},
		{ID: "setup-twice", What: "setup_start does its work twice", Source: "Linux b239fb25, native_pagetable_setup_start", Fits: of2007On(invariants.BareMetal), Change: ofKernel(startTwice)},
		{ID: "identity-twice", What: "setup_done does its work twice", Source: "Linux b239fb25, native_pagetable_setup_done", Fits: of2007On(invariants.BareMetal), Change: ofKernel(doneTwice)},
		{ID: "cr3-twice", What: "every root is loaded twice", Source: "Intel SDM vol. 3, 4.10.4.1: a load of the same root is a flush", Fits: Fits{Kernel: invariants.FirstKernel}, Change: ofKernel(loadsTwice)},
	}
}

// levels asks for a number of table levels.
func levels(n int) func(*model.State) bool {
	return func(s *model.State) bool { return s.L.Geo.Levels == n }
}

func leavesTwice(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		hooks.MapPage(k, pte, pfn)
		hooks.MapPage(k, pte, pfn)
	}
}

func zapTwice(_ *hooks.Ops, f *hooks.Funcs) {
	zap := f.ZapLowMappings
	f.ZapLowMappings = func(k *hooks.Kernel) { zap(k); zap(k) }
}

// zapSlots are the root slots that the zap is about.
func zapSlots(k *hooks.Kernel) int {
	if k.M.L.Geo.Levels == 4 {
		return 1
	}
	return k.M.L.UserSlots()
}

// zapDownwards is zap_low_mappings from its end.
func zapDownwards(_ *hooks.Ops, f *hooks.Funcs) {
	f.ZapLowMappings = func(k *hooks.Kernel) {
		var val uint64
		if !k.M.L.Geo.GrantsRights(k.M.L.Geo.Root()) {
			val = uint64(k.M.L.Kernel.ZeroPage.PA()) | uint64(model.Present)
		}
		for i := zapSlots(k) - 1; i >= 0; i-- {
			k.SetPGD(k.Slot(k.Base(), i), k.PV.MakePGD(k, val))
		}
		k.PV.FlushTLB(k)
	}
}

func zapEmpties(_ *hooks.Ops, f *hooks.Funcs) {
	f.ZapLowMappings = func(k *hooks.Kernel) {
		for i := range zapSlots(k) {
			k.SetPGD(k.Slot(k.Base(), i), 0)
		}
		k.PV.FlushTLB(k)
	}
}

func loadsTwice(o *hooks.Ops, _ *hooks.Funcs) {
	load := o.WriteCR3
	o.WriteCR3 = func(k *hooks.Kernel, root model.PA) { load(k, root); load(k, root) }
}

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

// handOverVariations lead from the builder's root to the kernel's in other legal orders.
func handOverVariations() []Variation {
	x := func(id, what string, pieces ...piece) Variation {
		return Variation{ID: id, What: what, Source: "Linux ab144f5e, xen_pagetable_setup_start; 2.6.27, xen_setup_kernel_pagetable",
			Fits: of2007On(invariants.UnderHypervisor), Change: ofKernel(handOver(pieces...))}
	}
	return []Variation{
		x("root-first", "the root becomes read-only before the zero page", copyRoot, rootRO, zeroRO, on64(pinNew), on64(unpinOld), load),
		x("twice-read-only", "pages become read-only twice", copyRoot, zeroRO, rootRO, zeroRO, rootRO, on64(pinNew), on64(unpinOld), load),
		x("load-first", "the root is loaded before it is pinned", copyRoot, zeroRO, rootRO, load, on64(pinNew), on64(unpinOld)),
		x("unpin-old-first", "the old root is given up before the new one is pinned", copyRoot, zeroRO, rootRO, on64(unpinOld), on64(pinNew), load),
		x("give-back", "the old root is given back", copyRoot, zeroRO, rootRO, on64(pinNew), load, unpinOld, oldRW),
	}
}
