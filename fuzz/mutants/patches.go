package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// More patches of the boot mutants.

// pin2007 pins the root as level 3, whatever level it has.
func pin2007(o *hooks.Ops, _ *hooks.Funcs) { o.PagetableSetupDone = xen.PagetableSetupDone2007 }

// rangeToTop makes table ranges run to the top of the address space.
func rangeToTop(_ *hooks.Ops, f *hooks.Funcs) {
	f.PageTableRangeInit = func(k *hooks.Kernel, start, _, base model.VA) { hooks.PageTableRangeInit(k, start, 0, base) }
}

// afterStart does something at the end of setup_start.
func afterStart(more func(k *hooks.Kernel, base model.VA)) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		start := o.PagetableSetupStart
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			start(k, base)
			more(k, base)
		}
	}
}

// lowAccess reads the root at its physical address.
func lowAccess(k *hooks.Kernel, _ model.VA) { k.Read(model.VA(k.M.L.Kernel.Root.PA())) }

// clearTwiceAsMuch clears as many root entries again beyond the last one, which
// are live 2-level entries.
func clearTwiceAsMuch(k *hooks.Kernel, base model.VA) {
	slots := k.M.L.Geo.Slots[k.M.L.Geo.Root()]
	for i := slots; i < 2*slots; i++ {
		k.Write(k.Slot(base, i), 0)
	}
}

// clearRunning clears the kernel's part of the root that the processor is using.
func clearRunning(k *hooks.Kernel, base model.VA) {
	l := k.M.L
	for i := l.UserSlots(); i < l.Geo.Slots[l.Geo.Root()]; i++ {
		k.SetPGD(k.Slot(base, i), k.PV.MakePGD(k, 0))
	}
}

// noLeafNX drops NX from every leaf.
func noLeafNX(o *hooks.Ops, _ *hooks.Funcs) {
	o.MakePTE = func(_ *hooks.Kernel, val uint64) model.Entry { return model.Entry(val) &^ model.NX }
}

// lateUser opens what is mapped after construction to user code.
func lateUser(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPTE[model.VariantLate]
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) { set(k, ptep, pte|model.User) }
	// Construction goes on with the setter that it had.
	if early := o.SetPTE[model.VariantInit]; early != nil {
		o.SetPTE[model.VariantInit] = early
	}
}

// early returns a hook that does nothing before memory's bounds are known.
func boundsUnknown(o *hooks.Ops, _ *hooks.Funcs) {
	protect := o.AllocPT[model.VariantInit]
	o.AllocPT[model.VariantInit] = func(k *hooks.Kernel, pgd model.VA, pfn model.PFN) {
		maxMapNr := model.PFN(0) // set when the memory map is made, after paging_init
		if k.M.Kernel.Phase >= model.PhaseLoaded {
			maxMapNr = k.M.L.Kernel.MaxLowPFN
		}
		if pfn < maxMapNr {
			protect(k, pgd, pfn)
		}
	}
}

// emptyPresent converts a root entry's value whether it is present or not.
func emptyPresent(o *hooks.Ops, _ *hooks.Funcs) {
	whole := o.MakePGD
	o.MakePGD = func(k *hooks.Kernel, val uint64) model.Entry { return whole(k, val|uint64(model.Present)) }
}

// clearFirst clears a leaf before it writes it.
func clearFirst(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, 0)
		hooks.MapPage(k, pte, pfn)
	}
}

// stayOnRoot never loads a root.
func stayOnRoot(o *hooks.Ops, _ *hooks.Funcs) { o.WriteCR3 = func(*hooks.Kernel, model.PA) {} }

// pointerNX puts NX into pointers to tables.
func pointerNX(o *hooks.Ops, _ *hooks.Funcs) {
	o.MakePMD = func(_ *hooks.Kernel, val uint64) model.Entry { return model.Entry(val) | model.NX }
}

// pointerRO makes pointers to tables read-only.
func pointerRO(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPMD
	o.SetPMD = func(k *hooks.Kernel, pmd model.VA, e model.Entry) { set(k, pmd, e&^model.RW) }
}

// nextFrame maps each page one frame too far.
func nextFrame(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) { hooks.MapPage(k, pte, pfn+1) }
}

// lowHalfFirst stores the lower half of an entry first.
func lowHalfFirst(o *hooks.Ops, _ *hooks.Funcs) {
	for v, set := range o.SetPTE {
		if set == nil {
			continue
		}
		o.SetPTE[v] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			k.M.Store(ptep, 4, uint64(uint32(pte)))
			k.M.Store(ptep+4, 4, uint64(pte>>32))
		}
	}
}

// ownPage takes pages for L1 tables from the end of low memory, past the boot
// allocator.
func ownPage(_ *hooks.Ops, f *hooks.Funcs) {
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		if k.Val(2, k.Read(pmd))&uint64(model.Present) == 0 {
			pfn := k.M.L.Kernel.MaxLowPFN - 1
			k.M.ClearPage(k.M.L.VA(pfn.PA()))
			k.AllocPT(pfn)
			k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		}
		return k.TableOf(2, pmd)
	}
}

// lateReserve takes the page of a table from the allocator only after it is in use.
func lateReserve(_ *hooks.Ops, f *hooks.Funcs) {
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		if k.Val(2, k.Read(pmd))&uint64(model.Present) != 0 {
			return k.TableOf(2, pmd)
		}
		pfn := k.M.Kernel.BootmemNext
		k.AllocPT(pfn)
		k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		k.M.AllocBootmem()
		return k.TableOf(2, pmd)
	}
}

// noIdentity leaves out the low identity mapping of PAE.
func noIdentity(o *hooks.Ops, _ *hooks.Funcs) {
	o.PagetableSetupDone = func(*hooks.Kernel, model.VA) {}
}

// earlyZap removes the low mappings when construction ends.
func earlyZap(o *hooks.Ops, _ *hooks.Funcs) {
	o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
		native.PagetableSetupDone(k, base)
		hooks.ZapLowMappings(k)
	}
}

// wastePages allocates a page for a table before it looks whether there is one.
func wastePages(_ *hooks.Ops, f *hooks.Funcs) {
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		pfn := k.M.AllocBootmem()
		if k.Val(2, k.Read(pmd))&uint64(model.Present) == 0 {
			k.AllocPT(pfn)
			k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		}
		return k.TableOf(2, pmd)
	}
}

// linkFirst tells the backend of an L1 table after it has linked it.
func linkFirst(_ *hooks.Ops, f *hooks.Funcs) {
	f.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		if k.Val(2, k.Read(pmd))&uint64(model.Present) == 0 {
			pfn := k.M.AllocBootmem()
			k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
			k.AllocPT(pfn)
		}
		return k.TableOf(2, pmd)
	}
}

// noRange makes no tables for ranges.
func noRange(_ *hooks.Ops, f *hooks.Funcs) {
	f.PageTableRangeInit = func(*hooks.Kernel, model.VA, model.VA, model.VA) {}
}

// noPkmap makes no tables for the pkmap area, as if there were no high memory.
func noPkmap(_ *hooks.Ops, f *hooks.Funcs) { f.PermanentKmapsInit = func(*hooks.Kernel, model.VA) {} }

// earlyLate lets the late hooks take over at the end of setup_start.
func earlyLate(k *hooks.Kernel, _ model.VA) { k.M.Kernel.AllocPT = model.VariantLate }

// scratch leaves a mark in the first page of memory that is neither table nor the
// allocator's.
func scratch(k *hooks.Kernel, _ model.VA) { k.Write(k.M.L.VA(k.M.L.Kernel.Spare.PA()), 1<<9) }

// unallocated writes to the page that the boot allocator hands out next.
func unallocated(k *hooks.Kernel, _ model.VA) { k.Write(k.M.L.VA(k.M.Kernel.BootmemNext.PA()), 1<<9) }

// markRewritten changes whether a leaf is global when it is written a second time.
func markRewritten(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		again := k.Read(pte).Is(model.Present | model.Accessed | model.Dirty)
		hooks.MapPage(k, pte, pfn)
		if again {
			k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, k.Read(pte)^model.Global)
		}
	}
}

// quietPD does nothing when it hears of a new table above L1, which then stays
// writable.
func quietPD(o *hooks.Ops, _ *hooks.Funcs) { o.AllocPD = func(*hooks.Kernel, model.PFN) {} }

// noStart does nothing in setup_start.
func noStart(o *hooks.Ops, _ *hooks.Funcs) { o.PagetableSetupStart = func(*hooks.Kernel, model.VA) {} }
