package hooks

import "github.com/ptcheck/ptcheck/model"

// PgdAlloc makes a second address space: a root whose kernel part is the
// kernel's own (Linux: pgd_alloc and pgd_ctor, arch/i386/mm/pgtable.c, 2007).
// L1 tables of the kernel are always shared; L2 tables are shared too unless
// the backend forbids it. Its pages come from the boot allocator.
func PgdAlloc(k *Kernel) {
	l, g := k.layout(), k.geo()
	pgd := l.VA(k.M.AllocBootmem().PA())
	base, user, root := k.Base(), l.UserSlots(), g.Root()
	unshared := 0
	if g.Levels == 3 {
		unshared = user
		if !k.PV.SharedKernelPMD {
			unshared = g.Slots[root]
		}
	}
	for i := max(user, unshared); i < g.Slots[root]; i++ {
		if !l.XenSlot(root, i, false) {
			k.Write(k.Slot(pgd, i), k.Read(k.Slot(base, i)))
		}
	}
	for i := range unshared {
		pmd := k.pmdAlloc(i)
		k.AllocPD(l.PA(pmd).PFN())
		k.SetPGD(k.Slot(pgd, i), k.make(root, uint64(l.PA(pmd))|uint64(model.Present)))
	}
	k.M.Kernel.Second = model.Frame(l.PA(pgd).PFN())
}

// pmdAlloc is pmd_cache_alloc: an L2 for root slot i, a copy of the kernel's if
// the slot is in the kernel's part.
func (k *Kernel) pmdAlloc(i int) model.VA {
	l, g := k.layout(), k.geo()
	pmd := l.VA(k.M.AllocBootmem().PA())
	if i < l.UserSlots() {
		return pmd
	}
	kernel := k.TableOf(g.Root(), k.Slot(k.Base(), i))
	for j := range g.Slots[2] {
		k.Write(k.Slot(pmd, j), k.Read(k.Slot(kernel, j)))
	}
	return pmd
}

// ActivateMM readies the second address space for use (activate_mm).
func ActivateMM(k *Kernel) {
	k.PV.ActivateMM(k, k.layout().VA(model.PFN(k.M.Kernel.Second).PA()))
}

// SwitchMM loads the root of another address space (switch_mm).
func SwitchMM(k *Kernel, root model.PFN) { k.PV.WriteCR3(k, root.PA()) }
