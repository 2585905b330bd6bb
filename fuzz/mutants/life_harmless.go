package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// lifeHarmless are changes of life after boot that are no bugs.
func lifeHarmless() []Mutant {
	return []Mutant{
		{ID: "unpin-first", What: "a root is unpinned before the processor leaves it, and its tables become writable after that",
			Place: lifeXen(3, "suspend"), Change: ofKernel(unpinFirst)},
		{ID: "leave-first", What: "a process that ends leaves its tables for init_mm's before they are taken apart",
			Place: lifeNative(2, "fork"), Change: ofKernel(leaveFirst)},
		{ID: "pin-at-birth", What: "a root is pinned when it is made, not when it comes into use",
			Place: lifeXen(3, "suspend"), Change: ofKernel(pinAtBirth)},
		{ID: "eager-sync", What: "every address space gets a table of the vmalloc area at once",
			Place: lifeXen(2, "desc"), Change: ofKernel(eagerSync)},
		{ID: "eager-lists", What: "the same with 64 bits, where the root's entries are copied",
			Place: lifeXen(4, "lazy"), Change: ofKernel(eagerSync)},
		{ID: "no-rw-flush", What: "no flush after tables have become writable: a fault by an outdated translation is tolerated",
			Place: lifeXen(4, "pages"), Change: ofKernel(func(o *hooks.Ops, _ *hooks.Funcs) { o.ExitMMap = unflushedExit })},
		{ID: "flush-more", What: "every flush of a page flushes everything",
			Place: lifeNative(3, "pages"),
			Change: ofKernel(func(o *hooks.Ops, _ *hooks.Funcs) {
				o.Life.FlushPage = func(k *hooks.Kernel, _ model.VA) { k.PV.Life.FlushAll(k) }
			})},
		{ID: "never-lazy", What: "nothing is ever held back",
			Place:  lifeXen(3, "pages"),
			Change: ofKernel(func(o *hooks.Ops, _ *hooks.Funcs) { o.Life.EnterLazy = func(*hooks.Kernel, model.LazyMode) {} })},
	}
}

// unpinFirst gives up the pin, then CR3, then makes the tables writable.
func unpinFirst(o *hooks.Ops, _ *hooks.Funcs) {
	o.ExitMMap = func(k *hooks.Kernel, pgd model.VA) {
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
