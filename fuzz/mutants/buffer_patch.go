package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// The patches of the mutants of later kernels. A patch is applied to the hooks of
// both backends.

// onGuest changes the Xen backend alone.
func onGuest(change func(*hooks.Ops)) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		if o.Name == xen.Ops().Name {
			change(o)
		}
	}
}

// earlySetter replaces the Xen backend's early set_pte.
func earlySetter(set func(k *hooks.Kernel, ptep model.VA, pte model.Entry)) func(*hooks.Ops, *hooks.Funcs) {
	return onGuest(func(o *hooks.Ops) { o.SetPTE[model.VariantInit] = set })
}

// masked stores a leaf without write permission if ro says so.
func masked(k *hooks.Kernel, ptep model.VA, pte model.Entry, ro bool) {
	if pfn := k.M.L.Map.Frame(pte.MFN()); pfn == model.NoFrame {
		pte = 0
	}
	if ro {
		pte &^= model.RW
	}
	xen.SetPTE(k, ptep, pte)
}

// frameOf is the frame that a leaf names.
func frameOf(k *hooks.Kernel, pte model.Entry) model.PFN {
	return model.PFN(k.M.L.Map.Frame(pte.MFN()))
}

// onlyPresent goes by the old entry instead of the frame, except in the slots of
// early_ioremap.
func onlyPresent(o *hooks.Ops, f *hooks.Funcs) {
	earlySetter(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		old := k.Read(ptep)
		ro := old.Is(model.Present) && !old.Is(model.RW)
		if xen.InSlots(k, ptep) {
			ro = frameOf(k, pte) != k.M.Kernel.Buffer.End-1
		}
		masked(k, ptep, pte, ro)
	})(o, f)
}

// usedPart has the buffer end where its used part does.
func usedPart(o *hooks.Ops, f *hooks.Funcs) {
	earlySetter(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		b, pfn := &k.M.Kernel.Buffer, frameOf(k, pte)
		ro := pfn >= b.Start && pfn < b.End
		if !k.M.L.Geo.SignExtend {
			old := k.Read(ptep)
			ro = old.Is(model.Present) && !old.Is(model.RW)
		} else if xen.InSlots(k, ptep) {
			ro = pfn != b.End-1
		}
		masked(k, ptep, pte, ro)
	})(o, f)
}

// rangeOn32 goes by the frame on 32 bits too.
func rangeOn32(o *hooks.Ops, f *hooks.Funcs) {
	earlySetter(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		b, pfn, old := &k.M.Kernel.Buffer, frameOf(k, pte), k.Read(ptep)
		masked(k, ptep, pte, pfn >= b.Start && pfn < b.Top || old.Is(model.Present) && !old.Is(model.RW))
	})(o, f)
}

// mapMissing stores entries of frames without a machine frame.
func mapMissing(o *hooks.Ops, f *hooks.Funcs) {
	earlySetter(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		xen.SetPTE(k, ptep, xen.MaskRW(k, ptep, pte))
	})(o, f)
}

// lateHooks has alloc_pte of the end of construction work from its start.
func lateHooks(o *hooks.Ops, f *hooks.Funcs) {
	onGuest(func(o *hooks.Ops) {
		start := o.PagetableSetupStart
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			start(k, base)
			k.M.Kernel.AllocPT = model.VariantLate
		}
	})(o, f)
}

// writableList makes entries of the list of machine frames as of any other.
func writableList(o *hooks.Ops, f *hooks.Funcs) {
	onGuest(func(o *hooks.Ops) { o.MakePTE = o.MakePMD })(o, f)
}

// boundUnknown leaves tables writable that are made before there are page structs.
func boundUnknown(o *hooks.Ops, f *hooks.Funcs) {
	onGuest(func(o *hooks.Ops) {
		alloc := o.AllocPT[model.VariantInit]
		o.AllocPT[model.VariantInit] = func(k *hooks.Kernel, pgd model.VA, pfn model.PFN) {
			if k.M.Kernel.Buffer.Is(model.MemMap) {
				alloc(k, pgd, pfn)
				return
			}
			if rc := k.M.Pin(1, k.M.L.Map.MFN(model.Frame(pfn))); rc != model.OK {
				k.M.Bug("pin_pagetable_pfn", rc)
			}
		}
	})(o, f)
}

// keepTable leaves the tables of kmap_atomic where they are.
func keepTable(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.KmapCheck = func(_ *hooks.Kernel, table, _, _ model.VA, _ model.PFN) model.VA { return table }
}

// linkThenCopy links the new table, then copies the entries.
func linkThenCopy(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.KmapCheck = func(k *hooks.Kernel, table, pmd, va model.VA, next model.PFN) model.VA {
		if !k.WantsCopy(table, va) {
			return table
		}
		page, pfn := k.KmapPage(next)
		k.PV.AllocPT[k.M.Kernel.AllocPT](k, k.Base(), pfn)
		k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		for i := range k.M.L.Geo.Slots[1] {
			k.PV.SetPTE[k.M.Kernel.SetPTE](k, k.Slot(page, i), k.Read(k.Slot(table, i)))
		}
		k.PV.FlushTLB(k)
		k.PV.ReleasePT(k, k.M.L.PA(table).PFN())
		return page
	}
}

// keepPastEnd does not look past the end of memory.
func keepPastEnd(o *hooks.Ops, _ *hooks.Funcs) {
	if o.Name == native.Ops().Name {
		o.PagetableSetupStart = func(k *hooks.Kernel, _ model.VA) { hooks.MemorySetup(k) }
	}
}

// keepFirstPast begins one page late.
func keepFirstPast(o *hooks.Ops, _ *hooks.Funcs) {
	if o.Name == native.Ops().Name {
		o.PagetableSetupStart = func(k *hooks.Kernel, _ model.VA) {
			hooks.MemorySetup(k)
			native.ClearPastEnd(k, k.M.L.Kernel.MaxLowPFN+1)
		}
	}
}

// roundedList has the list of machine frames end with a large page.
func roundedList(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.P2MEnd = func(k *hooks.Kernel) model.PFN {
		span := model.PFN(k.M.L.Geo.Slots[1])
		return (hooks.P2MEnd(k) + span - 1) / span * span
	}
}

// throughHole has low memory end with the hole behind it.
func throughHole(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Range = func(k *hooks.Kernel, n int) model.FrameRange {
		r, all := hooks.MappingRange(k, n), k.M.L.Early.Ranges
		if n+1 < len(all) {
			r.To = all[n+1].From
		}
		return r
	}
}

// movedHole takes the root slot before the direct map for the hypervisor's.
func movedHole(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.GuardHole = func(k *hooks.Kernel) (first, last int) {
		slot := k.M.L.UserSlots() - 1
		return slot, slot
	}
}

// wholeRange makes the L1 tables up to the end of the last L2.
func wholeRange(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.PhysMapping = func(k *hooks.Kernel, from, to model.PFN, large bool) {
		g := k.M.L.Geo
		span := model.PFN(g.Slots[1] * g.Slots[2])
		hooks.PhysMapping(k, from, (to+span-1)/span*span, large)
	}
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if k.M.L.Early.Listed(pfn) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

// emptyTables does the same without large pages, which would map what is not RAM.
func emptyTables(o *hooks.Ops, f *hooks.Funcs) {
	wholeRange(o, f)
	whole := f.Early.PhysMapping
	f.Early.PhysMapping = func(k *hooks.Kernel, from, to model.PFN, _ bool) { whole(k, from, to, false) }
}

// currentOnly leaves out what is to be ballooned up.
func currentOnly(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Range = func(k *hooks.Kernel, n int) model.FrameRange {
		r, ram := hooks.MappingRange(k, n), k.M.L.Early.RAM
		r.To = min(r.To, ram[len(ram)-1].To)
		return r
	}
}

// singlePass writes large pages with their final attributes at once.
func singlePass(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.MapLargePages = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN, _ int) { k.Fn.MapLarge(k, pmd, pfn) }
}

// frameBefore takes the last frame before the end of what is used for the latest table, also
// where nothing of the buffer is used yet.
func frameBefore(o *hooks.Ops, f *hooks.Funcs) {
	earlySetter(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		b, pfn := &k.M.Kernel.Buffer, frameOf(k, pte)
		ro := pfn >= b.Start && pfn < b.Top
		if !k.M.L.Geo.SignExtend {
			old := k.Read(ptep)
			ro = old.Is(model.Present) && !old.Is(model.RW)
		} else if xen.InSlots(k, ptep) {
			ro = pfn != b.End-1
		}
		masked(k, ptep, pte, ro)
	})(o, f)
}

// noSlotFlush never flushes single pages.
func noSlotFlush(o *hooks.Ops, _ *hooks.Funcs) { o.FlushTLBSingle = func(*hooks.Kernel, model.VA) {} }

// noExtra maps what is RAM by now, and nothing of what may come.
func noExtra(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.PhysMapping = func(k *hooks.Kernel, from, to model.PFN, large bool) {
		if !k.M.L.Early.Extra.Has(from) {
			hooks.PhysMapping(k, from, to, large)
		}
	}
}
