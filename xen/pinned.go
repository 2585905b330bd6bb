package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Pinning with a flag for each page, as of Linux 2.6.23.

// PgdPin makes the tables of an address space read-only and pins its root (Linux:
// xen_pgd_pin). Pages of high memory may still be mapped by somebody.
func PgdPin(k *hooks.Kernel, pgd model.VA) {
	if WalkTables(k, pgd, PinPage) {
		hooks.KmapFlushUnused(k)
	}
	PinRoots(k, pgd)
}

// PinRoots pins the root at pgd, whose tables are read-only, and the user-mode root
// that goes with it.
func PinRoots(k *hooks.Kernel, pgd model.VA) {
	doPin(k, k.PfnOf(pgd))
	if user := userRoot(k, model.Frame(k.PfnOf(pgd))); user != model.NoFrame {
		PinPage(k, k.M.L.Geo.Root(), model.PFN(user))
		doPin(k, model.PFN(user))
	}
}

// PgdUnpin is the reverse (Linux: xen_pgd_unpin).
func PgdUnpin(k *hooks.Kernel, pgd model.VA) {
	UnpinRoots(k, pgd)
	WalkTables(k, pgd, UnpinPage)
}

// UnpinRoots is the reverse of PinRoots.
func UnpinRoots(k *hooks.Kernel, pgd model.VA) {
	doUnpin(k, k.PfnOf(pgd))
	if user := userRoot(k, model.Frame(k.PfnOf(pgd))); user != model.NoFrame {
		doUnpin(k, model.PFN(user))
		UnpinPage(k, k.M.L.Geo.Root(), model.PFN(user))
	}
}

func doPin(k *hooks.Kernel, root model.PFN) {
	if rc := k.M.Pin(k.M.L.Geo.Root(), pfnToMFN(k, root)); rc != model.OK {
		k.M.Bug("xen_do_pin", rc)
	}
}

func doUnpin(k *hooks.Kernel, root model.PFN) {
	if rc := k.M.Unpin(pfnToMFN(k, root)); rc != model.OK {
		k.M.Bug("xen_do_pin", rc)
	}
}

// PinPage makes a table's page read-only. It reports whether kmaps must be flushed:
// the page is in high memory (Linux: xen_pin_page).
func PinPage(k *hooks.Kernel, level int, pfn model.PFN) (flush bool) {
	if k.SetPagePinned(pfn, true) {
		return false
	}
	if pfn >= k.M.L.Kernel.MaxLowPFN {
		return true
	}
	split := level == 1 && k.SplitLocks()
	if split {
		k.LockTable(pfn)
	}
	PageProt(k, pfn, true, level == k.M.L.Geo.Root())
	if split {
		pinLeafTable(k, pfn)
		k.UnlockTable(pfn)
	}
	return false
}

// pinLeafTable pins a leaf table by itself, so that stores to it are emulated from the
// moment that it is read-only: others may hold its lock, not the address space's.
func pinLeafTable(k *hooks.Kernel, pfn model.PFN) {
	if rc := k.M.Pin(1, pfnToMFN(k, pfn)); rc != model.OK {
		k.M.Bug("xen_do_pin", rc)
	}
}

// UnpinPage makes it writable again. The last one, the root, flushes the TLB, so
// that no outdated translation makes a store fault (Linux: xen_unpin_page).
func UnpinPage(k *hooks.Kernel, level int, pfn model.PFN) (flush bool) {
	if !k.SetPagePinned(pfn, false) || pfn >= k.M.L.Kernel.MaxLowPFN {
		return false
	}
	split := level == 1 && k.SplitLocks()
	if split {
		k.LockTable(pfn)
		doUnpin(k, pfn)
	}
	PageProt(k, pfn, false, level == k.M.L.Geo.Root())
	if split {
		k.UnlockTable(pfn)
	}
	return false
}

// PageProt maps a page of low memory read-only or writable.
func PageProt(k *hooks.Kernel, pfn model.PFN, readOnly, flush bool) {
	how := model.UVMFNone
	if flush {
		how = model.UVMFFlush
	}
	prot := k.KernelProt(readOnly)
	if !k.M.L.Kernel.NX {
		prot &^= model.NX
	}
	e := makeEntry(k, uint64(pfn.PA())|uint64(prot))
	if rc := k.M.UpdateVAMapping(k.M.L.VA(pfn.PA()), e, how); rc != model.OK {
		k.M.Bug("xen_pin_page", rc)
	}
}

// WalkTables visits the tables that belong to the address space at pgd alone, each
// table before those below it and the root last: all of the user's part, and with
// three levels the L2 tables of the kernel's, because Xen shares none (Linux:
// xen_pgd_walk up to USER_LIMIT, and the line for the unshared kernel pmd). It
// reports whether any visit asked for a flush.
func WalkTables(k *hooks.Kernel, pgd model.VA, visit func(k *hooks.Kernel, level int, pfn model.PFN) bool) (flush bool) {
	return WalkLimit(k, pgd, k.M.L.UserSlots(), true, visit)
}

// WalkLimit is WalkTables for the first root slots; kernelPMD adds the kernel's L2
// tables.
func WalkLimit(k *hooks.Kernel, pgd model.VA, slots int, kernelPMD bool, visit func(k *hooks.Kernel, level int, pfn model.PFN) bool) (flush bool) {
	g := k.M.L.Geo
	for i := range g.Slots[g.Root()] {
		entry := k.Slot(pgd, i)
		switch {
		case i < slots:
			flush = walkBelow(k, g.Root(), entry, visit) || flush
		case kernelPMD && g.Levels == 3 && i >= k.M.L.UserSlots():
			if val := k.Val(g.Root(), k.Read(entry)); val != 0 {
				flush = visit(k, g.Root()-1, model.PA(val&uint64(model.FrameMask)).PFN()) || flush
			}
		}
	}
	return visit(k, g.Root(), k.PfnOf(pgd)) || flush
}

// walkBelow visits the table that an entry names, and those below that one.
func walkBelow(k *hooks.Kernel, level int, entry model.VA, visit func(k *hooks.Kernel, level int, pfn model.PFN) bool) (flush bool) {
	val := k.Val(level, k.Read(entry))
	if val == 0 {
		return false
	}
	pfn := model.PA(val & uint64(model.FrameMask)).PFN()
	flush = visit(k, level-1, pfn)
	if level > 2 {
		table := k.M.L.VA(pfn.PA())
		for i := range k.M.L.Geo.Slots[level-1] {
			flush = walkBelow(k, level-1, k.Slot(table, i), visit) || flush
		}
	}
	return flush
}

// ActivateLife pins an address space under its lock (Linux: xen_activate_mm,
// xen_dup_mmap).
func ActivateLife(k *hooks.Kernel, pgd model.VA) {
	k.LockMM(pgd)
	PgdPin(k, pgd)
	k.UnlockMM(pgd)
}

// ExitMM lets go of an address space before it is taken apart: nobody's CR3 may
// name it, and its tables become writable (Linux: xen_exit_mmap).
func ExitMM(k *hooks.Kernel, pgd model.VA) {
	DropMMRef(k, pgd)
	k.LockMM(pgd)
	if k.PagePinned(k.PfnOf(pgd)) {
		PgdUnpin(k, pgd)
	}
	k.UnlockMM(pgd)
}

// DropMMRef takes a root from the processors that use it. Of another processor not
// only what it was told to load counts, but what it has really loaded: the load may
// be held back (Linux: xen_drop_mm_ref, 9f79991d4186). A 64-bit processor has left a root
// only when it has left the one for user mode, too: both loads are one batch, and
// xen_current_cr3 changes at its end (xen_write_cr3, set_current_cr3).
func DropMMRef(k *hooks.Kernel, pgd model.VA) {
	DropRoot(k, pgd)
	other := 1 - k.M.Running()
	root := model.Frame(k.PfnOf(pgd))
	if k.M.Processors() == 1 {
		return
	}
	n := k.M.Kernel.Life.Owner(root)
	if int(k.M.Kernel.Life.CPU[other].Current) == n || hasLoaded(k, other, root) {
		DropRootOn(k, other, pgd)
	}
}

// hasLoaded reports whether a processor is on a root, or on the one for user mode that goes
// with it.
func hasLoaded(k *hooks.Kernel, cpu int, root model.Frame) bool {
	c, user := k.M.CPUOf(cpu), userRoot(k, root)
	return c.CR3 == root || user != model.NoFrame && c.UserCR3 == user
}

// DropRootOn has another processor drop a root, by an interrupt.
func DropRootOn(k *hooks.Kernel, cpu int, pgd model.VA) {
	k.LockIRQ(cpu)
	k.M.OnOther(func() { DropRoot(k, pgd) })
	k.UnlockIRQ(cpu)
}

// DropRoot has the processor leave a root for init_mm's (Linux: drop_other_mm_ref,
// leave_mm).
func DropRoot(k *hooks.Kernel, pgd model.VA) {
	if k.M.Kernel.XenCR3 == model.Frame(k.PfnOf(pgd)) {
		WriteCR3Lazy(k, k.M.L.Kernel.Root.PA())
		FlushLazyCPU(k)
	}
}

// MarkInitPinned notes that the tables of init_mm, which the boot has made
// read-only, are so (Linux: xen_mark_init_mm_pinned).
func MarkInitPinned(k *hooks.Kernel) {
	mark := func(k *hooks.Kernel, _ int, pfn model.PFN) bool { return k.SetPagePinned(pfn, true) }
	WalkLimit(k, k.Base(), k.M.L.Geo.Slots[k.M.L.Geo.Root()], false, mark)
}

// PinAll pins every root on pgd_list that is not pinned: tables that Xen does not
// know as such keep their machine addresses when the guest is moved (Linux:
// xen_mm_pin_all).
func PinAll(k *hooks.Kernel) {
	l := &k.M.Kernel.Life
	for pfn, ok := l.List.Next(0); ok; pfn, ok = l.List.Next(pfn + 1) {
		if f := model.Frame(pfn); !k.PagePinned(pfn) {
			PgdPin(k, k.RootVA(f))
			model.Put(&l.Saved, f, true)
		}
	}
}

// UnpinAll undoes PinAll (Linux: xen_mm_unpin_all).
func UnpinAll(k *hooks.Kernel) {
	l := &k.M.Kernel.Life
	for pfn, ok := l.Saved.Next(0); ok; pfn, ok = l.Saved.Next(pfn + 1) {
		f := model.Frame(pfn)
		PgdUnpin(k, k.RootVA(f))
		model.Put(&l.Saved, f, false)
	}
}
