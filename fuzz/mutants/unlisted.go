package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// unlistedMutants are bugs that nobody had listed: found by changing the code by hand
// and looking for what stayed silent.
func unlistedMutants() []Mutant {
	return []Mutant{
		{ID: "zap-unflushed", What: "low mappings are taken away without a flush", Source: "Linux b239fb25, zap_low_mappings",
			Place: onNative(2), Catch: "changes-flushed", Steps: 5, Change: ofKernel(zapUnflushed)},
		{ID: "fixmap-flush-first", What: "a fixmap index is flushed before it is written", Source: "Linux, set_pte_pfn",
			Place: onXen(2), Catch: "changes-flushed", Steps: 7, Change: ofKernel(flushBeforeLeaf)},
		{ID: "space-inherits", What: "a new root has the old one's low mappings", Source: "Linux, pgd_ctor",
			Place: onNative(2), Catch: "user-part-empty", Steps: 5, Change: ofKernel(copyWholeRoot)},
		{ID: "exit-read-only", What: "the tables of an address space that has ended stay read-only", Source: "Linux df912ea4, xen_pgd_unpin",
			Place: onXen(3), Catch: "exit-restores", Steps: 8, Change: ofKernel(exitKeepsRights)},
		{ID: "shared-writable", What: "a forked process may write to pages that it shares", Source: "Linux, copy_one_pte",
			Place: lifeNative(3, "fork"), Catch: "shared-read-only", Steps: 4, Change: ofKernel(shareWritable)},
		{ID: "zap-for-ever", What: "where there is no low mapping, the loop that zaps them does not go on", Source: "Linux b239fb25, zap_low_mappings",
			Place: onNative(2), Catch: "crash hang", Steps: 5, Change: ofKernel(zapForEver)},
		{ID: "short-list", What: "the list of machine frames ends a frame early, and is read past its end", Source: "Linux, arch/x86/xen/mmu.c, pfn_to_mfn",
			Place: onXen(2), Catch: "crash go-panic", Steps: 2, Change: ofKernel(shortList)},
	}
}

// withoutFlush carries out a function of the kernel's with flushes that do nothing.
func withoutFlush(k *hooks.Kernel, fn func()) {
	pv := *k.PV
	quiet := pv
	quiet.FlushTLB = func(*hooks.Kernel) {}
	quiet.FlushTLBSingle = func(*hooks.Kernel, model.VA) {}
	old := k.PV
	k.PV = &quiet
	defer func() { k.PV = old }()
	fn()
}

func zapUnflushed(_ *hooks.Ops, f *hooks.Funcs) {
	zap := f.ZapLowMappings
	f.ZapLowMappings = func(k *hooks.Kernel) { withoutFlush(k, func() { zap(k) }) }
}

// flushBeforeLeaf has the live setter flush what it writes, and later flushes of one
// page do nothing.
func flushBeforeLeaf(o *hooks.Ops, _ *hooks.Funcs) {
	o.FlushTLBSingle = func(*hooks.Kernel, model.VA) {}
	for v, set := range o.SetPTE {
		if set != nil {
			o.SetPTE[v] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
				k.M.FlushTLB()
				set(k, ptep, pte)
			}
		}
	}
}

func copyWholeRoot(_ *hooks.Ops, f *hooks.Funcs) {
	ctor := f.Life.PgdCtor
	f.Life.PgdCtor = func(k *hooks.Kernel, pgd model.VA, pmds []model.PFN) {
		ctor(k, pgd, pmds)
		for i := range k.M.L.UserSlots() {
			k.Write(k.Slot(pgd, i), k.Read(k.Slot(k.Base(), i)))
		}
	}
}

func exitKeepsRights(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
		if second := model.Frame(k.PfnOf(pgd)); k.M.Kernel.XenCR3 == second {
			k.PV.WriteCR3(k, k.M.L.Kernel.Root.PA())
		}
		if rc := k.M.Unpin(mfnOf(k, k.PfnOf(pgd))); k.M.Kernel.SecondPinned && rc != model.OK {
			k.M.Bug("xen_pgd_unpin", rc)
		}
		k.M.Kernel.SecondPinned = false
	}
}

func shareWritable(o *hooks.Ops, f *hooks.Funcs) {
	cp := f.Life.CopyPage
	f.Life.CopyPage = func(k *hooks.Kernel, from, to int, va model.VA) {
		cp(k, from, to, va)
		pgd := k.RootVA(k.M.Kernel.Life.MM[to].Root)
		table := pgd
		for level := k.M.L.Geo.Levels; level >= 2; level-- {
			entry := k.Slot(table, k.M.L.Geo.Index(va, level))
			if k.Val(level, k.Read(entry)) == 0 {
				return
			}
			table = k.TableOf(level, entry)
		}
		pte := k.Slot(table, k.M.L.Geo.Index(va, 1))
		if e := k.Read(pte); e.Is(model.Present) {
			o.SetPTE[k.M.Kernel.SetPTE](k, pte, e|model.RW)
		}
	}
}

func zapForEver(_ *hooks.Ops, f *hooks.Funcs) {
	f.ZapLowMappings = func(k *hooks.Kernel) {
		for i := 0; i < k.M.L.UserSlots(); {
			if entry := k.Slot(k.Base(), i); k.Read(entry) != 0 {
				k.SetPGD(entry, 0)
				i++
			}
		}
		k.PV.FlushTLB(k)
	}
}

// shortList has the kernel look frames up in a list of its own.
func shortList(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, val uint64) model.Entry {
		list := make([]model.PFN, k.M.L.Map.Guest()-1)
		if pfn := model.PA(val).PFN(); pfn < model.PFN(k.M.L.Map.Guest()) && model.Entry(val).Is(model.Present) {
			list[pfn] = pfn
		}
		return entry(k, val)
	}
}
