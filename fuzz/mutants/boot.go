package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// The patches of the boot mutants. Each makes one mistake in the place where it
// was made.

// skipPresent leaves a leaf alone that is present already.
func skipPresent(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if !k.Read(pte).Is(model.Present) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

// newMiddle makes a new L2 or L3 whether there is one or not.
func newMiddle(_ *hooks.Ops, f *hooks.Funcs) {
	f.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
		pfn := k.M.AllocBootmem()
		k.AllocPD(pfn)
		flags := hooks.PageTable
		if !k.M.L.Geo.GrantsRights(level) {
			flags = model.Present
		}
		k.SetUpper(level, entry, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(flags)))
		return k.TableOf(level, entry)
	}
}

// textOfTable tests for text once a table instead of once a page.
func textOfTable(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		first := pfn &^ (model.PFN(k.M.L.Geo.Span(2)>>model.PageShift) - 1)
		prot := k.KernelProt(false)
		if !k.M.L.Kernel.NX || k.M.L.VA(first.PA()) <= k.M.L.Kernel.TextEnd {
			prot &^= model.NX
		}
		k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, k.PV.MakePTE(k, uint64(pfn.PA())|uint64(prot)))
	}
}

// zeroEverywhere aims all root slots at the zero page, the kernel's too.
func zeroEverywhere(o *hooks.Ops, _ *hooks.Funcs) {
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
		native.PagetableSetupStart(k, base)
		zero := k.PV.MakePGD(k, uint64(k.M.L.Kernel.ZeroPage.PA())|uint64(model.Present))
		for i := range k.M.L.Geo.Slots[k.M.L.Geo.Root()] {
			k.SetPGD(k.Slot(base, i), zero)
		}
	}
}

// noFilter lets the early set_pte add write permission.
func noFilter(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantInit] = xen.SetPTE }

// eagerNX puts the NX bit into every leaf, whether the processor has it on or
// not.
func eagerNX(o *hooks.Ops, _ *hooks.Funcs) {
	o.MakePTE = func(_ *hooks.Kernel, val uint64) model.Entry { return model.Entry(val) | model.NX }
}

// wrongOffset keeps the page number where the offset in the page is meant when it
// computes the machine address of an upper entry.
func wrongOffset(o *hooks.Ops, _ *hooks.Funcs) {
	set := func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		pa := k.M.L.PA(entry)
		mfn := k.M.L.Map.MFN(model.Frame(pa.PFN()))
		ptr := uint64(mfn)<<model.PageShift + uint64(pa)&^(model.PageSize-1)
		if rc := k.M.MMUUpdate(ptr, e); rc != model.OK {
			k.M.Bug("xen_set_pmd", rc)
		}
	}
	o.SetPMD, o.SetPGD = set, set
}

// shortFrames loses the machine frame bits above 32 bits of address.
func shortFrames(o *hooks.Ops, _ *hooks.Funcs) {
	whole := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, val uint64) model.Entry { return whole(k, val) & 0xffff_ffff }
}

// userPartOnly pins an address space without making its kernel L2 read-only.
func userPartOnly(o *hooks.Ops, _ *hooks.Funcs) {
	o.ActivateMM = func(k *hooks.Kernel, pgd model.VA) {
		for i := range k.M.L.UserSlots() {
			if entry := k.Slot(pgd, i); k.Read(entry).Is(model.Present) {
				xen.MakeLowmemPageReadonly(k, k.TableOf(k.M.L.Geo.Root(), entry))
			}
		}
		xen.MakeLowmemPageReadonly(k, pgd)
		root := k.M.L.Map.MFN(model.Frame(k.M.L.PA(pgd).PFN()))
		if rc := k.M.Pin(k.M.L.Geo.Root(), root); rc != model.OK {
			k.M.Bug("xen_pgd_pin", rc)
		}
		k.M.Kernel.SecondPinned = true
	}
}

// sharedPMD has all address spaces share the kernel's L2.
func sharedPMD(o *hooks.Ops, _ *hooks.Funcs) { o.SharedKernelPMD = true }

// storePMD writes L2 entries by plain stores.
func storePMD(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPMD = func(k *hooks.Kernel, pmd model.VA, e model.Entry) { k.Write(pmd, e) }
}

// forgetSetter leaves set_pte unset when construction starts.
func forgetSetter(o *hooks.Ops, _ *hooks.Funcs) {
	start := o.PagetableSetupStart
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
		start(k, base)
		k.M.Kernel.SetPTE = model.VariantNone
	}
}

// writableL1 does not make new L1 tables read-only.
func writableL1(o *hooks.Ops, _ *hooks.Funcs) {
	o.AllocPT[model.VariantInit] = func(*hooks.Kernel, model.VA, model.PFN) {}
}

// flagsInRoot gives PAE root entries the flags of other table pointers.
func flagsInRoot(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPGD
	o.SetPGD = func(k *hooks.Kernel, pgd model.VA, e model.Entry) {
		if e.Is(model.Present) {
			e |= hooks.PageTable
		}
		set(k, pgd, e)
	}
}

// loadWritable switches to the kernel's root without making it read-only first.
func loadWritable(o *hooks.Ops, _ *hooks.Funcs) {
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
		l := k.M.L
		k.M.Kernel.SetPTE, k.M.Kernel.InitMM = model.VariantInit, model.Frame(l.Kernel.Root)
		for i := range l.Geo.Slots[l.Geo.Root()] {
			k.Write(k.Slot(base, i), k.Read(k.Slot(l.VA(l.Kernel.PTBase.PA()), i)))
		}
		xen.MakeLowmemPageReadonly(k, l.VA(l.Kernel.ZeroPage.PA()))
		k.PV.WriteCR3(k, l.Kernel.Root.PA())
	}
}

// neverWritable has the early set_pte grant no write permission at all.
func neverWritable(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPTE[model.VariantInit] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		xen.SetPTE(k, ptep, pte&^model.RW)
	}
}

// userLeaves adds the user bit to every leaf.
func userLeaves(o *hooks.Ops, _ *hooks.Funcs) {
	o.MakePTE = func(_ *hooks.Kernel, val uint64) model.Entry { return model.Entry(val) | model.User }
}
