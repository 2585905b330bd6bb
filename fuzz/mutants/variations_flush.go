package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// flushVariations flush more, less or otherwise.
func flushVariations() []Variation {
	const more = "Intel SDM vol. 3, 4.10.4: a processor may drop any translation at any time"
	return []Variation{
		{ID: "extra-flush", What: "the TLB is flushed after every leaf", Source: more, Fits: Fits{}, Change: ofKernel(extraFlush)},
		{ID: "flush-all", What: "every flush of a page flushes everything", Source: more, Fits: Fits{}, Change: ofKernel(flushAll)},
		{ID: "flush-by-load", What: "the TLB is flushed by a load of CR3", Source: "Linux, __flush_tlb; Intel SDM vol. 3, 4.10.4.1",
			Fits: of2007On(invariants.BareMetal).also(func(s *model.State) bool { return !s.L.Kernel.HasPGE }), Change: ofKernel(flushByLoad)},
		{ID: "flush-by-toggle", What: "the TLB is flushed by switching global pages off and on", Source: "Linux, native_flush_tlb_global; Intel SDM vol. 3, 4.10.4.1",
			Fits: Fits{Machine: invariants.BareMetal}.also(func(s *model.State) bool { return s.L.Kernel.HasPGE }), Change: ofKernel(flushByToggle)},
		{ID: "process-by-load", What: "what a process had is flushed by a load of CR3, which leaves global pages: none of its are", Source: "Linux, __flush_tlb and __flush_tlb_global",
			Fits: Fits{Machine: invariants.BareMetal, Span: invariants.Living}, Change: forBare(processByLoad)},
		{ID: "flush-everywhere", What: "what a process had is flushed on all processors, whoever uses it", Source: more,
			Fits: Fits{Span: invariants.Living}, Change: ofKernel(flushEverywhere)},
		{ID: "no-ro-flush", What: "no flush of single pages before the root is loaded: nothing is led elsewhere, and the hypervisor flushes when a page's type changes",
			Source: "Xen, _get_page_type", Fits: of2007On(invariants.UnderHypervisor), Change: ofKernel(noEarlyFlush)},
		{ID: "no-rw-flush", What: "no flush after tables have become writable: a fault by an outdated translation is tolerated", Source: "Linux, spurious_fault",
			Fits: Fits{Machine: invariants.UnderHypervisor, Span: invariants.Living}.also(single), Change: forGuests(func(o *hooks.Ops, _ *hooks.Funcs) { o.ExitMMap = unflushedExit })},
		{ID: "many-pending", What: "a fixmap index is mapped and cleared forty times before one flush for all of them", Source: "Linux, MMUEXT_INVLPG_LOCAL at the end of a batch; kmap_atomic's users",
			Fits: of2007(), Change: ofKernel(manyPending)},
		{ID: "lazy-vmap", What: "addresses of the vmalloc area are flushed when they are used again", Source: "Linux db64fe02258f, 2.6.28",
			Fits: Fits{Span: invariants.Living}, Change: lazyVmap(purge)},
	}
}

// single asks for one processor.
func single(s *model.State) bool { return !s.L.SMP }

func extraFlush(o *hooks.Ops, _ *hooks.Funcs) {
	eachSetter(o, func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
		return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			set(k, ptep, pte)
			k.PV.FlushTLB(k)
		}
	})
}

func flushAll(o *hooks.Ops, _ *hooks.Funcs) {
	o.FlushTLBSingle = func(k *hooks.Kernel, _ model.VA) { k.PV.FlushTLB(k) }
	if o.Life.FlushPage != nil {
		o.Life.FlushPage = func(k *hooks.Kernel, _ model.VA) { k.PV.Life.FlushAll(k) }
	}
}

func flushByLoad(o *hooks.Ops, _ *hooks.Funcs) {
	flush := o.FlushTLB
	o.FlushTLB = func(k *hooks.Kernel) {
		if k.M.L.Hyper != nil || k.M.L.Kernel.HasPGE {
			flush(k)
			return
		}
		k.M.LoadCR3(k.M.CPU.CR3)
	}
}

// flushByToggle flushes by CR4, once global pages are on.
func flushByToggle(o *hooks.Ops, _ *hooks.Funcs) {
	flush, page := o.FlushTLB, o.FlushTLBSingle
	toggled := func(k *hooks.Kernel) bool {
		if !k.M.Kernel.Global {
			return false
		}
		k.M.ClearCR4(model.CR4PGE)
		k.M.SetCR4(model.CR4PGE)
		return true
	}
	o.FlushTLB = func(k *hooks.Kernel) {
		if !toggled(k) {
			flush(k)
		}
	}
	o.FlushTLBSingle = func(k *hooks.Kernel, va model.VA) {
		if !toggled(k) {
			page(k, va)
		}
	}
}

func processByLoad(o *hooks.Ops, _ *hooks.Funcs) {
	o.FlushTLB = func(k *hooks.Kernel) { k.M.LoadCR3(k.M.CPU.CR3) }
}

func flushEverywhere(o *hooks.Ops, _ *hooks.Funcs) {
	o.FlushTLB = func(k *hooks.Kernel) { k.M.FlushTLBAll() }
	o.FlushTLBSingle = func(k *hooks.Kernel, va model.VA) { k.M.FlushPageAll(va) }
}

func noEarlyFlush(o *hooks.Ops, _ *hooks.Funcs) {
	flush := o.FlushTLBSingle
	o.FlushTLBSingle = func(k *hooks.Kernel, va model.VA) {
		if k.M.Kernel.Phase >= model.PhaseLoaded {
			flush(k, va)
		}
	}
}

// manyPending writes and clears a fixmap leaf forty times before the flush
// that its caller makes.
func manyPending(o *hooks.Ops, _ *hooks.Funcs) {
	const times = 40
	eachSetter(o, func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
		return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			own, ok := k.Lookup(k.M.L.Fix(kernel.FixOwn))
			booted := k.M.Kernel.Phase >= model.PhaseZapped // until then what is mapped stays
			if ok && ptep == own && pte.Is(model.Present) && (booted || !k.Read(own).Is(model.Present)) {
				for range times {
					set(k, ptep, pte)
					set(k, ptep, 0)
				}
			}
			set(k, ptep, pte)
		}
	})
}

// lazyVmap is a kernel that does not flush an address of the vmalloc area when it is given
// up. before is done each time before it is used.
func lazyVmap(before func(k *hooks.Kernel)) (c systems.Change) {
	c.Machine = func(s *model.State) {
		m := *s.L.Life
		m.LazyVmap = true
		s.L.Life = &m
	}
	c.Kernel = func(o *hooks.Ops, _ *hooks.Funcs) {
		flush, area := o.Life.FlushPage, o.Life.MapVMArea
		o.Life.FlushPage = func(k *hooks.Kernel, va model.VA) {
			if va != k.M.L.Life.Vmalloc {
				flush(k, va)
			}
		}
		o.Life.MapVMArea = func(k *hooks.Kernel, va model.VA, pfn model.PFN) {
			before(k)
			area(k, va, pfn)
		}
		eachSetter(o, func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
			return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
				if k.M.L.Life != nil && pte.Is(model.Present) {
					if own, ok := k.Lookup(k.M.L.Life.Vmalloc); ok && ptep == own {
						before(k)
					}
				}
				set(k, ptep, pte)
			}
		})
	}
	return c
}

// purge flushes everything (Linux: purge_vmap_area_lazy).
func purge(k *hooks.Kernel) { k.PV.Life.FlushAll(k) }

// hypercallVariations ask the hypervisor in other ways, or are answered otherwise.
func hypercallVariations() []Variation {
	guest := Fits{Machine: invariants.UnderHypervisor}
	return []Variation{
		{ID: "leaf-hypercalls", What: "leaves are stored by mmu_update instead of emulated stores", Source: "Linux 3b827c1b, before f4f97b3e",
			Fits: Fits{Machine: invariants.UnderHypervisor, Kernel: invariants.FirstKernel}.also(single), Change: ofKernel(leafHypercalls)},
		{ID: "batched", What: "low memory is mapped by mmu_updates of many items, the last page first, after its tables have been made", Source: "Linux, xen_extend_mmu_update: items of a batch that concern different entries may come in any order",
			Fits: of2007On(invariants.UnderHypervisor), Change: ofKernel(batched)},
		{ID: "queue-reversed", What: "what is held back is carried out from its end", Source: "the same",
			Fits: Fits{Machine: invariants.UnderHypervisor, Span: invariants.Living}, Change: ofKernel(queueReversed)},
		{ID: "restarted", What: "each hypercall is interrupted at its beginning and made again", Source: "Xen, hypercall_create_continuation, -ERESTART",
			Fits: guest, Change: ofXen(model.Mutant{Restarts: model.RestartsMade})},
		{ID: "xen-flush", What: "the hypervisor flushes at every change of type, before and after it", Source: "Xen, _get_page_type: flushes are allowed at any time",
			Fits: guest, Change: ofXen(model.Mutant{FlushesAlways: true})},
		{ID: "xen-slow", What: "no entry takes the hypervisor's fast path", Source: "Xen, mod_l1_entry: the fast path is an optimisation",
			Fits: guest, Change: ofXen(model.Mutant{FastPath: func(*model.State, int, model.Entry, model.Entry) bool { return false }})},
	}
}

// machineAddress is the machine address of a direct-map address.
func machineAddress(k *hooks.Kernel, va model.VA) uint64 {
	pa := k.M.L.PA(va)
	return uint64(machine(k, pa.PFN()))<<model.PageShift | uint64(pa)&(model.PageSize-1)
}

// leafHypercalls stores leaves by mmu_update where the table is in the direct map and
// nothing may be held back.
func leafHypercalls(o *hooks.Ops, _ *hooks.Funcs) {
	eachSetter(o, func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
		return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			old := k.Read(ptep)
			lazy := k.M.L.Life != nil && k.CPU().Lazy != model.LazyNone
			kept := old.Is(model.Present) && !old.Is(model.RW)
			entry, _, ok := k.LookupAddress(ptep &^ (model.PageSize - 1))
			// A table that is not read-only yet is not the hypervisor's business.
			if k.M.L.Hyper == nil || k.M.L.Early != nil || lazy || kept || k.M.L.PA(ptep).PFN() >= k.M.L.Kernel.MaxLowPFN || !ok || k.Read(entry).Is(model.RW) {
				set(k, ptep, pte)
				return
			}
			if rc := k.M.MMUUpdate(machineAddress(k, ptep), pte); rc != model.OK {
				k.M.Bug("set_pte", rc)
			}
		}
	})
}

// batched makes the tables of low memory first, and then writes its leaves in batches,
// from the end of memory.
func batched(_ *hooks.Ops, f *hooks.Funcs) {
	f.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
		l := k.M.L
		span := model.PFN(l.Geo.Slots[1])
		end := (l.Kernel.MaxLowPFN + span - 1) / span * span
		k.Fn.PageTableRangeInit(k, l.Kernel.PageOffset, l.VA(end.PA()), base)
		var items [8]model.MMUItem
		n := 0
		for pfn := l.Kernel.MaxLowPFN; pfn > 0; pfn-- {
			items[n] = leafItem(k, pfn-1)
			if n++; n == len(items) || pfn == 1 {
				if _, rc := k.M.MMUUpdates(items[:n]); rc != model.OK {
					k.M.Bug("xen_mc_flush", rc)
				}
				n = 0
			}
		}
	}
}

// leafItem is the update that maps a page of low memory, read-only if it is.
func leafItem(k *hooks.Kernel, pfn model.PFN) model.MMUItem {
	l := k.M.L
	va := l.VA(pfn.PA())
	prot := k.KernelProt(false)
	if va <= l.Kernel.TextEnd {
		prot &^= model.NX
	}
	if !l.Kernel.NX {
		prot &^= model.NX
	}
	pte, ok := k.Lookup(va)
	if !ok {
		k.M.Bug("batched", model.OK)
	}
	e := k.PV.MakePTE(k, uint64(pfn.PA())|uint64(prot))
	if old := k.Read(pte); old.Is(model.Present) && !old.Is(model.RW) {
		e &^= model.RW
	}
	return model.MMUItem{Ptr: machineAddress(k, pte), Val: e}
}

// queueReversed turns the queue round before it is carried out, if no entry is in it
// twice.
func queueReversed(o *hooks.Ops, _ *hooks.Funcs) {
	for _, hook := range []*func(*hooks.Kernel){&o.Life.LeaveLazy, &o.Life.FlushLazy} {
		carryOut := *hook
		*hook = func(k *hooks.Kernel) {
			c := k.CPU()
			queue := c.Queue[:c.Queued]
			seen := map[uint64]bool{}
			for _, q := range queue {
				seen[q.Ptr] = true
			}
			if len(seen) == len(queue) {
				for i, j := 0, len(queue)-1; i < j; i, j = i+1, j-1 {
					queue[i], queue[j] = queue[j], queue[i]
				}
			}
			carryOut(k)
		}
	}
}
