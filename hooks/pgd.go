package hooks

import "github.com/ptcheck/ptcheck/model"

// PgdAlloc makes a second address space out of pages of the boot allocator.
func PgdAlloc(k *Kernel) {
	k.M.Kernel.Second = model.Frame(k.PfnOf(k.newPgd()))
}

// newPgd makes a root whose kernel part is the kernel's own (Linux: pgd_alloc and
// pgd_ctor, arch/i386/mm/pgtable.c, 2007). L1 tables of the kernel are always
// shared; L2 tables are shared too unless the backend forbids it. All pages are
// there before the first entry is copied.
func (k *Kernel) newPgd() model.VA {
	pgd := k.layout().VA(k.tablePage().PA())
	pmds := &k.scratch[k.M.Running()].pmds
	n := k.unsharedSlots()
	for i := range n {
		pmds[i] = k.tablePage()
	}
	k.Fn.Life.PgdCtor(k, pgd, pmds[:n])
	return pgd
}

// maxPmds is the number of slots of a PAE root.
const maxPmds = 4

// tablePage is a zeroed page of low memory, of the allocator that there is.
func (k *Kernel) tablePage() model.PFN {
	if k.lifeMap() != nil {
		return k.getZeroedPage(false)
	}
	return k.M.AllocBootmem()
}

// PgdCtor fills a new root: the kernel's part as far as it is shared, and L2 tables
// of its own in the first slots, those of the kernel's part copies. Then the root
// goes on pgd_list, all under the lock, so that whoever changes the kernel's part
// either finds it there or has been copied. Roots whose kernel part never changes
// are not listed (pgd_ctor; XenLinux fb94b59330).
func PgdCtor(k *Kernel, pgd model.VA, pmds []model.PFN) {
	k.lockList()
	CopyKernelPart(k, pgd, pmds)
	ListPgd(k, pgd)
	k.unlockList()
}

// CopyKernelPart is PgdCtor's copying.
func CopyKernelPart(k *Kernel, pgd model.VA, pmds []model.PFN) {
	l, g := k.layout(), k.geo()
	root := g.Root()
	for i := max(l.UserSlots(), len(pmds)); i < g.Slots[root]; i++ {
		if !l.XenSlot(root, i, false) {
			k.Write(k.Slot(pgd, i), k.Read(k.Slot(k.Base(), i)))
		}
	}
	for i, pfn := range pmds {
		if i >= l.UserSlots() {
			k.Fn.Life.PmdCopy(k, l.VA(pfn.PA()), i)
		}
		if l.Life != nil {
			k.PV.Life.AllocTable(k, pgd, root-1, pfn)
		} else {
			k.AllocPD(pfn)
		}
		k.SetPGD(k.Slot(pgd, i), k.make(root, uint64(pfn.PA())|uint64(model.Present)))
	}
}

// ListPgd puts a root on pgd_list, if it needs to be there.
func ListPgd(k *Kernel, pgd model.VA) {
	if k.lifeMap() != nil && !k.sharedKernelPMD() {
		model.Put(&k.life().List, model.Frame(k.PfnOf(pgd)), true)
	}
}

// UnlistPgd takes a root off pgd_list (Linux: pgd_dtor, pgd_list_del).
func UnlistPgd(k *Kernel, pgd model.VA) {
	k.lockList()
	model.Put(&k.life().List, model.Frame(k.PfnOf(pgd)), false)
	k.unlockList()
}

// lockList takes pgd_lock; a kernel that boots has one processor and no list.
func (k *Kernel) lockList() {
	if k.lifeMap() != nil {
		k.M.Lock(lockPgd)
	}
}

func (k *Kernel) unlockList() {
	if k.lifeMap() != nil {
		k.M.Unlock(lockPgd)
	}
}

// unsharedSlots is the number of root slots whose L2 table an address space has
// for itself: in PAE the user's, or all where the backend shares none
// (UNSHARED_PTRS_PER_PGD).
func (k *Kernel) unsharedSlots() int {
	switch {
	case k.geo().Levels != 3:
		return 0
	case k.PV.SharedKernelPMD:
		return k.layout().UserSlots()
	}
	return k.geo().Slots[k.geo().Root()]
}

// PmdCopy copies the kernel's L2 of a root slot.
func PmdCopy(k *Kernel, pmd model.VA, slot int) {
	kernel := k.TableOf(k.geo().Root(), k.Slot(k.Base(), slot))
	for j := range k.geo().Slots[2] {
		k.Write(k.Slot(pmd, j), k.Read(k.Slot(kernel, j)))
	}
}

// ActivateMM readies the second address space for use (activate_mm).
func ActivateMM(k *Kernel) {
	k.PV.ActivateMM(k, k.layout().VA(model.PFN(k.M.Kernel.Second).PA()))
}

// SwitchMM loads the root of another address space (switch_mm).
func SwitchMM(k *Kernel, root model.PFN) { k.PV.WriteCR3(k, root.PA()) }
