package hooks

import "github.com/ptcheck/ptcheck/model"

// PageFault is the kernel's page-fault handler (Linux: do_page_fault, 2.6.25).
// It reports whether the access is to be tried again.
func PageFault(k *Kernel, f model.PageFault) bool {
	if f.VA >= k.layout().Kernel.PageOffset {
		if f.User {
			return false
		}
		return !f.Present && k.vmallocFault(f.VA) || k.Fn.Life.SpuriousFault(k, f.VA, f.Write)
	}
	l := k.life()
	if k.CPU().Current < 0 || l.MM[k.CPU().Current].Dead {
		return false
	}
	return HandleMMFault(k, int(k.CPU().Current), f.VA, f.Write)
}

// SpuriousFault recognises a fault that only an outdated translation can have
// caused: the tables grant the access (Linux: spurious_fault).
func SpuriousFault(k *Kernel, va model.VA, write bool) bool {
	entry, level, ok := k.LookupAddress(va)
	if !ok {
		return false
	}
	e := k.Read(entry)
	if level == 1 {
		e = model.Entry(k.PV.PTEVal(k, e))
	}
	return e.Is(model.Present) && (!write || e.Is(model.RW))
}

// HandleMMFault makes an address of a process accessible (Linux: handle_mm_fault
// and handle_pte_fault). It also serves get_user_pages, for a process that does
// not run yet.
func HandleMMFault(k *Kernel, n int, va model.VA, write bool) bool {
	pgd := k.RootVA(k.life().MM[n].Root)
	k.pmdOf(pgd, va, true)
	pte, table, _ := k.lockPTE(pgd, va)
	val := k.readPTE(pte)
	switch {
	case !ptePresent(val): // none, or swapped out
		k.unlockPTE(pte, table)
		k.newUserPage(n, va, val)
		return true
	case val&uint64(model.Present) == 0:
		k.unlockPTE(pte, table)
		return false // no rights
	case write && val&uint64(model.RW) == 0 && k.refs(k.valPFN(val)) == 0:
		k.setPTE(pte, k.PV.MakePTE(k, val|uint64(model.RW|model.Dirty)))
	case write && val&uint64(model.RW) == 0:
		k.unlockPTE(pte, table)
		k.newUserPage(n, va, val)
		return true
	}
	k.flushMMPage(n, va)
	k.unlockPTE(pte, table)
	return true
}

// newUserPage gives a process a page of its own where its entry has a value: none,
// swapped out, or a page that it shares. If the entry has changed in the meantime,
// somebody was faster (Linux: do_anonymous_page, do_swap_page, do_wp_page). Contents
// of user pages are not modelled: it is an empty one.
func (k *Kernel) newUserPage(n int, va model.VA, val uint64) {
	pfn := k.getZeroedPage(true)
	pte, table, ok := k.lockPTE(k.RootVA(k.life().MM[n].Root), va)
	if !ok || k.readPTE(pte) != val {
		if ok {
			k.unlockPTE(pte, table)
		}
		k.putPage(pfn)
		return
	}
	if ptePresent(val) {
		k.clearPTE(pte)
		k.flushMMPage(n, va)
	}
	k.setPTE(pte, k.PV.MakePTE(k, k.userVal(pfn)))
	k.unlockPTE(pte, table)
	if ptePresent(val) {
		k.putPage(k.valPFN(val))
	}
}

// TouchPage is a store of the current process, in user mode, to one of its pages.
func TouchPage(k *Kernel, va model.VA) { k.M.StoreUser(va, k.geo().Width, 0) }

// Unmap takes a page and the tables that it alone needed from the current process
// (Linux: do_munmap, unmap_region).
func Unmap(k *Kernel, va model.VA) {
	n := int(k.CPU().Current)
	g := k.gather()
	k.zapPage(n, va, g)
	k.M.Lock(lockRmap)
	k.Fn.Life.FreeTables(k, n, va, g)
	k.M.Unlock(lockRmap)
	k.Fn.Life.TLBFinish(k, n, g)
}

// SwapOut takes a page from a process, whether that runs or not, and leaves a note
// of where its contents are (Linux: try_to_unmap_one, from the page allocator's
// scan). Processes that are about to give up their tables are left alone.
func SwapOut(k *Kernel, n int, va model.VA) {
	k.M.Lock(lockRmap)
	if mm := &k.life().MM[n]; mm.Root != model.NoFrame && !mm.Leaving {
		k.swapOut(n, va)
	}
	k.M.Unlock(lockRmap)
}

func (k *Kernel) swapOut(n int, va model.VA) {
	pte, table, ok := k.lockPTE(k.RootVA(k.life().MM[n].Root), va)
	if !ok {
		return
	}
	val := k.readPTE(pte)
	if val&uint64(model.Present) != 0 {
		k.clearPTE(pte)
		k.flushMMPage(n, va)
		k.setPTE(pte, k.swapEntry())
	}
	k.unlockPTE(pte, table)
	if val&uint64(model.Present) != 0 {
		k.putPage(k.valPFN(val))
	}
}

// Protect changes the rights of a page of the current process: none, or those of
// its own page (Linux: change_pte_range, pte_modify). It looks again under the lock: the
// page may have been swapped out meanwhile. Inside a lazy section of the caller's the flush
// is the caller's too.
func Protect(k *Kernel, va model.VA, none bool) {
	n := int(k.CPU().Current)
	pte, table, ok := k.lockPTE(k.RootVA(k.life().MM[n].Root), va)
	if !ok {
		return
	}
	nested := k.CPU().Lazy == model.LazyMMU
	if !nested {
		k.PV.Life.EnterLazy(k, model.LazyMMU)
	}
	if val := k.readPTE(pte); ptePresent(val) {
		k.modifyRights(pte, val, none)
	}
	if !nested {
		k.PV.Life.LeaveLazy(k)
	}
	k.unlockPTE(pte, table)
	if !nested {
		k.FlushMM(n)
	}
}

// modifyRights gives an entry that keeps its page other rights (Linux:
// ptep_modify_prot_start and _commit).
func (k *Kernel) modifyRights(pte model.VA, val uint64, none bool) {
	k.clearPTE(pte)
	k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(k.valPFN(val), k.Fn.Life.NewRights(k, k.valPFN(val), none))))
}

// NewRights are the flags of a page for which a process has asked: none, or those of its
// own page, which it may not write to while others share it (PAGE_NONE, PAGE_COPY).
func NewRights(k *Kernel, pfn model.PFN, none bool) model.Entry {
	switch {
	case none:
		return protNone | model.Accessed
	case k.refs(pfn) > 0:
		return pageUser &^ model.RW
	}
	return pageUser
}
