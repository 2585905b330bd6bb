package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// tlbMutants are bugs about what processors cache: what a load of CR3 leaves, what
// another processor has, and what it fills its TLB with between two notes of the kernel's.
func tlbMutants() []Mutant {
	const (
		byLoad  = "a page is flushed by a load of CR3, which leaves what is global"
		sdm     = "Intel SDM vol. 3, 4.10.4.1; AlessandroSangiuliano/Uros issue 437"
		uvmf    = "Xen, public/xen.h, UVMF_INVLPG; do_update_va_mapping"
		cleared = "Linux 831d52bc1539, switch_mm"
	)
	flushes := scope("flushes")
	return []Mutant{
		{ID: "global-buffer", What: byLoad, Source: sdm,
			Place: onBuffer(0), Catch: "changes-flushed", Steps: 4, Change: ofKernel(pageByLoad)},
		{ID: "global-topdown", What: byLoad, Source: sdm,
			Place: onTopDown(0), Catch: "changes-flushed", Steps: 4, Change: ofKernel(pageByLoad)},
		{ID: "global-vfree", What: "an address of the vmalloc area is flushed by a load of CR3, which leaves what is global", Source: "Linux, flush_tlb_kernel_range; " + sdm,
			Place: lifeNative(3, "vmalloc"), Catch: "changes-flushed", Steps: 1, Change: ofKernel(pageByLoad)},
		{ID: "global-user", What: "pages of processes are global: the next process has them too", Source: "Intel SDM vol. 3, 4.10.2.4; Linux, _PAGE_GLOBAL is the kernel's",
			Place: lifeNative(3, "fork"), Catch: "cached-granted", Steps: 4, Change: ofKernel(globalPages)},
		{ID: "noted-early", What: "a processor takes back that it uses the old tables before it has loaded the new ones: nobody flushes it any more, and it goes on filling its TLB", Source: cleared,
			Place: lifeSMP(2, "race"), Catch: "changes-flushed", Steps: 4, Change: ofKernel(notedEarly)},
		{ID: "noted-late", What: "a processor fills its TLB from tables that it has loaded, before it notes that it uses them", Source: "Linux 71b3c126e611, switch_mm",
			Place: lifeSMP(2, "race"), Catch: "changes-flushed", Steps: 4, Change: ofKernel(notedLate)},
		{ID: "fork-flush-here", What: "a fork flushes the running processor alone: the others still write to what is shared now", Source: "Linux, flush_tlb_mm and its IPIs",
			Place: lifeSMP(2, "race"), Catch: "changes-flushed", Steps: 4, Change: ofKernel(allHere)},
		{ID: "update-unflushed", What: "the hypervisor forgets the flush that an update by address asks for", Source: uvmf,
			Place: under(flushes), Catch: "flush-done", Steps: 2, Change: ofXen(model.Mutant{UpdatesUnflushed: true})},
		{ID: "all-is-here", What: "the hypervisor flushes the running processor, where all were to be flushed", Source: "Xen, MMUEXT_INVLPG_ALL, MMUEXT_TLB_FLUSH_ALL",
			Place: lifeSMP(3, "race"), Catch: "flush-done", Steps: 3, Change: ofXen(model.Mutant{FlushesHere: true})},
	}
}

// pageByLoad flushes single pages by loading the root in use again, on bare metal.
func pageByLoad(o *hooks.Ops, _ *hooks.Funcs) {
	page := o.FlushTLBSingle
	o.FlushTLBSingle = func(k *hooks.Kernel, va model.VA) {
		if k.M.L.Hyper != nil {
			page(k, va)
			return
		}
		k.M.LoadCR3(k.M.CPU.CR3)
	}
	if o.Life.FlushPage != nil {
		o.Life.FlushPage = o.FlushTLBSingle
	}
}

// globalPages gives pages of processes the global bit.
func globalPages(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry {
		e := entry(k, v)
		if e.Is(model.Present | model.User) {
			e |= model.Global
		}
		return e
	}
}

// notedEarly forgets the old tables first.
func notedEarly(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.SwitchMM = func(k *hooks.Kernel, n int) {
		k.CPU().Current = int8(n)
		hooks.SwitchTo(k, n)
	}
}

// notedLate loads the new tables first.
func notedLate(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.SwitchMM = func(k *hooks.Kernel, n int) {
		if n >= 0 {
			k.PV.WriteCR3(k, model.PFN(k.M.Kernel.Life.MM[n].Root).PA())
		}
		hooks.SwitchTo(k, n)
	}
}

// allHere flushes the running processor where all should be.
func allHere(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.FlushAll = func(k *hooks.Kernel) { k.M.FlushTLB() }
}
