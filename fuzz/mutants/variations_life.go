package mutants

import (
	"slices"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/xen"
)

// lifeVariations are those of life after boot.
func lifeVariations() []Variation {
	living := Fits{Span: invariants.Living}
	guest := Fits{Span: invariants.Living, Machine: invariants.UnderHypervisor}
	bare := Fits{Span: invariants.Living, Machine: invariants.BareMetal}
	return []Variation{
		{ID: "unpin-first", What: "a root is unpinned before the processor leaves it, and its tables become writable after that", Source: "Xen: CR3 holds a root by itself",
			Fits: guest.also(single).also(short), Change: forGuests(unpinFirst)},
		{ID: "leave-first", What: "a process that ends leaves its tables for init_mm's before they are taken apart", Source: "Linux, leave_mm",
			Fits: bare.also(single), Change: forBare(leaveFirst)},
		{ID: "pin-at-birth", What: "a root is pinned when it is made, not when it comes into use", Source: "Linux 3d5fe32d (2.6.28), xen_pgd_alloc's callers",
			Fits: guest.also(single), Change: forGuests(pinAtBirth)},
		{ID: "eager-sync", What: "every address space gets a table of the vmalloc area at once", Source: "Linux, arch_sync_kernel_mappings (5.8)",
			Fits: living.also(single), Change: ofKernel(eagerSync)},
		{ID: "never-lazy", What: "nothing is ever held back", Source: "Linux, paravirt_nop for lazy modes",
			Fits: guest, Change: forGuests(func(o *hooks.Ops, _ *hooks.Funcs) { o.Life.EnterLazy = func(*hooks.Kernel, model.LazyMode) {} })},
		{ID: "own-l2", What: "address spaces share no L2 of the kernel's on bare metal", Source: "Linux, SHARED_KERNEL_PMD 0; page-table isolation on 32 bits",
			Fits: bare.also(levels(3)), Change: forBare(ownL2)},
		{ID: "eager-fork", What: "a fork copies pages at once", Source: "Linux, copy_present_page for pinned pages",
			Fits: living.also(single), Change: ofKernel(eagerFork)},
		{ID: "gather-reversed", What: "what a process leaves is freed from its end", Source: "Linux, tlb_finish_mmu: the order of pages does not matter",
			Fits: living, Change: ofKernel(gatherReversed)},
		{ID: "closed-pointers", What: "pointers to the kernel's tables are closed to user mode", Source: "Linux, _KERNPG_TABLE; Intel SDM vol. 3, 4.6",
			Fits: bare.also(single), Change: forBare(closedKernel)},
	}
}

// machineVariations are other machines.
func machineVariations() []Variation {
	return []Variation{
		{ID: "tlb-keeps", What: "the TLB keeps whatever it may", Source: "Intel SDM vol. 3, 4.10.2", Fits: Fits{}.also(func(s *model.State) bool { return !s.TLB.Sticky }),
			Change: systems.Change{Machine: func(s *model.State) { s.TLB.Sticky = true }}},
		{ID: "tlb-forgets", What: "the TLB keeps nothing", Source: "the same", Fits: Fits{}.also(func(s *model.State) bool { return s.TLB.Sticky }),
			Change: systems.Change{Machine: func(s *model.State) { s.TLB.Sticky = false }}},
		{ID: "no-spare", What: "the kernel has no page to spare for fixmap calls", Source: "KernelMap.Spare", Fits: of2007(),
			Change: systems.Change{Machine: func(s *model.State) { s.L.Kernel.Spare = s.L.Kernel.Root }}},
	}
}

// short asks for another mode than that of 64 bits.
func short(s *model.State) bool { return !long(s) }

// forGuests and forBare change the hooks of kernels under a hypervisor and on bare metal,
// where a system has both.
func forGuests(patch func(*hooks.Ops, *hooks.Funcs)) systems.Change {
	return forBackend(xen.Ops().Name, patch)
}

func forBare(patch func(*hooks.Ops, *hooks.Funcs)) systems.Change {
	return forBackend(native.Ops().Name, patch)
}

// forBackend changes the hooks of the backend with a name.
func forBackend(name string, patch func(*hooks.Ops, *hooks.Funcs)) systems.Change {
	return ofKernel(func(o *hooks.Ops, f *hooks.Funcs) {
		if o.Name == name {
			patch(o, f)
		}
	})
}

func ownL2(o *hooks.Ops, _ *hooks.Funcs) { o.SharedKernelPMD = false }

// eagerFork gives a child pages of its own.
func eagerFork(_ *hooks.Ops, f *hooks.Funcs) {
	share := f.Life.CopyPage
	f.Life.CopyPage = func(k *hooks.Kernel, from, to int, va model.VA) {
		if low, all := k.M.Available(); low < 8 || all < 8 {
			share(k, from, to, va)
			return
		}
		table := k.RootVA(k.M.Kernel.Life.MM[from].Root)
		for level := k.M.L.Geo.Root(); level > 0; level-- {
			entry := k.Slot(table, k.M.L.Geo.Index(va, level))
			if !k.Read(entry).Is(model.Present) {
				share(k, from, to, va) // nothing, or nothing that is there
				return
			}
			if level > 1 {
				table = k.TableOf(level, entry)
			}
			if k.M.L.PA(table).PFN() >= k.M.L.Kernel.MaxLowPFN {
				share(k, from, to, va) // a table in high memory
				return
			}
		}
		hooks.HandleMMFault(k, to, va, true)
	}
}

// gatherReversed frees what was gathered from its end.
func gatherReversed(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.TLBFinish = func(k *hooks.Kernel, n int, g *hooks.Gather) {
		slices.Reverse(g.Pages())
		hooks.TLBFinish(k, n, g)
	}
}

// closedKernel takes the user bit from pointers to tables of init_mm.
func closedKernel(_ *hooks.Ops, f *hooks.Funcs) {
	alloc := f.Life.TableAlloc
	f.Life.TableAlloc = func(k *hooks.Kernel, pgd model.VA, level int, entry model.VA) {
		if pgd == k.Base() {
			pv, old := *k.PV, k.PV
			closedPointers(&pv, f)
			k.PV = &pv
			defer func() { k.PV = old }()
		}
		alloc(k, pgd, level, entry)
	}
}

// unpinFirst gives up the pin, then CR3, then makes the tables writable.
func unpinFirst(o *hooks.Ops, _ *hooks.Funcs) {
	exit := o.ExitMMap
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
		if k.M.L.Geo.SignExtend {
			exit(k, pgd) // a process has two roots there
			return
		}
		pinned := k.PagePinned(k.PfnOf(pgd))
		if pinned {
			if rc := k.M.Unpin(mfnOf(k, k.PfnOf(pgd))); rc != model.OK {
				k.M.Bug("xen_pgd_unpin", rc)
			}
		}
		xen.DropMMRef(k, pgd)
		if pinned {
			xen.WalkTables(k, pgd, xen.UnpinPage)
		}
	}
}

// leaveFirst has a process that ends switch to init_mm first.
func leaveFirst(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
		if n := k.M.Kernel.Life.Owner(model.Frame(k.PfnOf(pgd))); int(k.CPU().Current) == n {
			k.Fn.Life.SwitchMM(k, -1)
		}
	}
}

// pinAtBirth pins a root as soon as its process has it.
func pinAtBirth(o *hooks.Ops, _ *hooks.Funcs) {
	alloc := o.Life.PgdAlloc
	o.Life.PgdAlloc = func(k *hooks.Kernel, mm *model.MM) {
		alloc(k, mm)
		xen.PgdPin(k, k.RootVA(mm.Root))
	}
	o.ActivateMM = func(*hooks.Kernel, model.VA) {}
	o.Life.DupMMap = o.ActivateMM
}

// eagerSync synchronises whenever init_mm gets a table.
func eagerSync(_ *hooks.Ops, f *hooks.Funcs) {
	alloc := f.Life.TableAlloc
	f.Life.TableAlloc = func(k *hooks.Kernel, pgd model.VA, level int, entry model.VA) {
		alloc(k, pgd, level, entry)
		if pgd == k.Base() {
			hooks.SyncVmalloc(k)
		}
	}
}

// unflushedExit unpins without a flush, the user-mode root too.
func unflushedExit(k *hooks.Kernel, pgd model.VA) {
	xen.DropMMRef(k, pgd)
	if !k.PagePinned(k.PfnOf(pgd)) {
		return
	}
	xen.UnpinRoots(k, pgd)
	xen.WalkTables(k, pgd, unflushedUnpin)
}
