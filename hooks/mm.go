package hooks

import "github.com/ptcheck/ptcheck/model"

// Address spaces: how they come, run and go.

// MMAlloc makes an address space that shares the kernel's part, for a program
// that is about to be started (Linux: mm_alloc, pgd_alloc).
func MMAlloc(k *Kernel) int {
	l := k.life()
	n := 0
	for l.MM[n].Root != model.NoFrame {
		n++
	}
	l.MM[n] = model.MM{Root: model.NoFrame, User: model.NoFrame}
	pgd := k.newPgd()
	l.MM[n].Root = model.Frame(k.PfnOf(pgd))
	k.PV.Life.PgdAlloc(k, &l.MM[n])
	return n
}

// MMFork copies the current process (Linux: copy_mm, dup_mmap, copy_page_range).
func MMFork(k *Kernel) {
	parent := int(k.CPU().Current)
	child := MMAlloc(k)
	for _, va := range k.lifeMap().Pages {
		k.Fn.Life.CopyPage(k, parent, child, va)
	}
	k.FlushMM(parent)
	mm := &k.life().MM[child]
	k.PV.Life.DupMMap(k, k.RootVA(mm.Root))
	mm.Ready = true
}

// CopyPage has a child share a page: read-only in both, to be copied when one of
// them writes (Linux: copy_one_pte).
func CopyPage(k *Kernel, from, to int, va model.VA) {
	l := k.life()
	pte, table, ok := k.lockPTE(k.RootVA(l.MM[from].Root), va)
	if !ok {
		return
	}
	val := k.readPTE(pte)
	if ptePresent(val) {
		if val&uint64(model.RW) != 0 {
			val &^= uint64(model.RW)
			k.setLazily(pte, k.PV.MakePTE(k, val)) // ptep_set_wrprotect
		}
		k.getPage(k.valPFN(val))
	}
	k.unlockPTE(pte, table)
	if val == 0 {
		return
	}
	dst := k.RootVA(l.MM[to].Root)
	k.pmdOf(dst, va, true)
	pte, table, _ = k.lockPTE(dst, va)
	k.setLazily(pte, k.PV.MakePTE(k, val))
	k.unlockPTE(pte, table)
}

// setLazily stores an entry in a lazy section of its own. The section lies within
// that of the table's lock: what is held back must not come after somebody else's
// change.
func (k *Kernel) setLazily(pte model.VA, e model.Entry) {
	k.PV.Life.EnterLazy(k, model.LazyMMU)
	k.setPTE(pte, e)
	k.PV.Life.LeaveLazy(k)
}

// MMActivate brings a new program's address space into use. Interrupts are on: they may
// come when it is the current one and another one's tables are loaded (Linux: exec_mmap,
// activate_mm, switch_mm).
func MMActivate(k *Kernel, n int) {
	l := k.life()
	pgd := k.RootVA(l.MM[n].Root)
	prev := k.enter(n)
	k.PV.ActivateMM(k, pgd)
	l.MM[n].Ready = true
	k.PV.WriteCR3(k, k.layout().PA(pgd))
	k.loadLDT(n)
	k.dropMM(prev)
}

// SwitchTo runs another process; n -1 stands for none: init_mm's own tables are
// loaded (Linux: context_switch, switch_mm, __switch_to; leave_mm). Interrupts are
// off. The load of CR3 may be held back until the switch is over.
func SwitchTo(k *Kernel, n int) {
	root := k.layout().Kernel.Root
	if n >= 0 {
		root = model.PFN(k.life().MM[n].Root)
	}
	k.LockIRQ(k.M.Running())
	k.PV.Life.EnterLazy(k, model.LazyCPU)
	prev := k.enter(n)
	k.PV.WriteCR3(k, root.PA())
	k.PV.Life.LeaveLazy(k)
	k.UnlockIRQ(k.M.Running())
	k.loadLDT(n)
	k.dropMM(prev)
}

// enter notes that the processor uses another address space; the previous one is
// still borrowed until dropMM (cpu_vm_mask, active_mm).
func (k *Kernel) enter(n int) (prev int8) {
	c := k.CPU()
	c.Prev, c.Current = c.Current, int8(n)
	return c.Prev
}

// dropMM gives up the process that was switched from, and frees what is left of it
// when it has ended and nobody else borrows its tables (Linux: finish_task_switch,
// mmdrop).
func (k *Kernel) dropMM(n int8) {
	l := k.life()
	k.CPU().Prev = -1
	if n >= 0 && l.MM[n].Dead && !l.Used(int(n)) {
		l.MM[n].Dead = false
		k.Fn.Life.PgdFree(k, int(n))
	}
}

// MMExit ends a process: first the backend lets go of the root, then pages and
// tables go (Linux: exit_mmap). The root itself stays while a processor borrows it.
func MMExit(k *Kernel, n int) {
	l := k.life()
	k.PV.ExitMMap(k, k.RootVA(l.MM[n].Root))
	g := k.gather()
	for _, va := range k.lifeMap().Pages {
		k.zapPage(n, va, g)
	}
	k.M.Lock(lockRmap)
	l.MM[n].Leaving = true
	k.M.Unlock(lockRmap)
	for _, va := range k.lifeMap().Pages {
		k.Fn.Life.FreeTables(k, n, va, g)
	}
	k.Fn.Life.TLBFinish(k, n, g)
	if l.MM[n].Ready = false; l.Used(n) {
		l.MM[n].Dead = true
		return
	}
	k.Fn.Life.PgdFree(k, n)
}

// PgdFree frees a root and, with three levels, the L2 tables that were made with
// it (Linux: __mmdrop, pgd_free, pgd_dtor).
func PgdFree(k *Kernel, n int) {
	l, g := k.life(), k.geo()
	mm := &l.MM[n]
	root := mm.Root
	k.destroyLDT(n)
	pgd := k.RootVA(root)
	k.Fn.Life.UnlistPgd(k, pgd)
	for i := range k.unsharedSlots() {
		pfn := k.valPFN(k.Val(g.Root(), k.Read(k.Slot(pgd, i))))
		k.PV.Life.ReleaseTable(k, g.Root()-1, pfn)
		k.M.FreePage(pfn)
	}
	k.PV.Life.PgdFree(k, mm)
	*mm = model.MM{Root: model.NoFrame, User: model.NoFrame}
	k.M.FreePage(model.PFN(root))
}

// Gather are pages on their way out: they may be used again only when no
// processor can reach them through an old translation (Linux: struct mmu_gather).
type Gather struct {
	n    int
	pfns [24]model.PFN
}

// gather is an empty one of the processor's.
func (k *Kernel) gather() *Gather {
	g := &k.scratch[k.M.Running()].gather
	g.n = 0
	return g
}

func (g *Gather) add(pfn model.PFN) {
	g.pfns[g.n] = pfn
	g.n++
}

// Pages are the pages gathered so far.
func (g *Gather) Pages() []model.PFN { return g.pfns[:g.n] }

// TLBFinish flushes what processors may have of a process, and then frees what was
// gathered (Linux: tlb_finish_mmu).
func TLBFinish(k *Kernel, n int, g *Gather) {
	k.FlushMM(n)
	FreeGathered(k, g)
}

// FlushMM drops the translations of a process. Processors that do not use its
// tables have none: loading others has dropped them (Linux: flush_tlb_mm).
func (k *Kernel) FlushMM(n int) {
	switch here, elsewhere := k.usedBy(n); {
	case elsewhere:
		k.PV.Life.FlushAll(k)
	case here:
		k.PV.FlushTLB(k)
	}
}

// flushMMPage drops the translation of a page of a process (Linux: flush_tlb_page).
func (k *Kernel) flushMMPage(n int, va model.VA) {
	switch here, elsewhere := k.usedBy(n); {
	case elsewhere:
		k.PV.Life.FlushPage(k, va)
	case here:
		k.PV.FlushTLBSingle(k, va)
	}
}

// usedBy says which processors use or borrow the tables of a process, by their own notes:
// the running one, and another (mm->cpu_vm_mask).
func (k *Kernel) usedBy(n int) (here, elsewhere bool) {
	for i := range k.life().CPU {
		c := &k.life().CPU[i]
		switch used := int(c.Current) == n || int(c.Prev) == n; {
		case used && i == k.M.Running():
			here = true
		case used:
			elsewhere = true
		}
	}
	return here, elsewhere
}

// FreeGathered frees what was gathered.
func FreeGathered(k *Kernel, g *Gather) {
	for _, pfn := range g.Pages() {
		k.putPage(pfn)
	}
}

// zapPage takes a page from a process (Linux: zap_pte_range).
func (k *Kernel) zapPage(n int, va model.VA, g *Gather) {
	pte, table, ok := k.lockPTE(k.RootVA(k.life().MM[n].Root), va)
	if !ok {
		return
	}
	if val := k.readPTE(pte); val != 0 {
		k.PV.Life.EnterLazy(k, model.LazyMMU)
		k.clearPTE(pte)
		k.PV.Life.LeaveLazy(k)
		if ptePresent(val) {
			g.add(k.valPFN(val))
		}
	}
	k.unlockPTE(pte, table)
}

// FreeTables unlinks and releases the tables for a page that have become empty
// (Linux: free_pgtables, free_pgd_range). With three levels the L2 tables stay
// with the root.
func FreeTables(k *Kernel, n int, va model.VA, g *Gather) {
	pgd := k.RootVA(k.life().MM[n].Root)
	for level := 1; level < k.rootLevel() && !(level == 2 && k.geo().Levels == 3); level++ {
		entry, ok := k.entryOf(pgd, va, level+1)
		if !ok || k.Val(level+1, k.Read(entry)) == 0 {
			continue
		}
		pfn := k.valPFN(k.Val(level+1, k.Read(entry)))
		if !k.emptyTable(level, pfn) {
			return
		}
		k.SetUpper(level+1, entry, 0)
		k.PV.Life.ReleaseTable(k, level, pfn)
		g.add(pfn)
	}
}

// entryOf returns the address of va's entry of a level below a root.
func (k *Kernel) entryOf(pgd, va model.VA, want int) (entry model.VA, ok bool) {
	table := pgd
	for level := k.rootLevel(); ; level-- {
		entry = k.Slot(table, k.geo().Index(va, level))
		if level == want {
			return entry, true
		}
		if k.Val(level, k.Read(entry)) == 0 {
			return entry, false
		}
		table = k.TableOf(level, entry)
	}
}

func (k *Kernel) emptyTable(level int, pfn model.PFN) bool {
	readOnly := pfn >= k.layout().Kernel.MaxLowPFN && k.PV.Life.KmapPTEReadOnly(k, pfn)
	table := k.KmapAtomic(k.lifeMap().KmapPTE, pfn, readOnly)
	empty := true
	for i := range k.geo().Slots[level] {
		empty = empty && k.Read(k.Slot(table, i)) == 0
	}
	k.PteUnmap(table)
	return empty
}
