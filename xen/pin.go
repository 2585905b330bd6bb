package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// ActivateMM makes every table of an address space read-only, from the L2s down
// to the user's L1s, then pins the root (Linux: xen_activate_mm and
// xen_pgd_pin, df912ea4). The kernel's L1 tables are read-only already.
func ActivateMM(k *hooks.Kernel, pgd model.VA) {
	forEachTable(k, k.M.L.Geo.Root(), pgd, true, func(table model.VA) { setTableProt(k, table, true) })
	setTableProt(k, pgd, true)
	if rc := k.M.Pin(k.M.L.Geo.Root(), pfnToMFN(k, k.M.L.PA(pgd).PFN())); rc != model.OK {
		k.M.Bug("xen_pgd_pin", rc)
	}
	k.M.Kernel.SecondPinned = true
}

// ExitMMap unpins an address space, which no processor uses, and makes its
// tables writable again (Linux: xen_exit_mmap and xen_pgd_unpin).
func ExitMMap(k *hooks.Kernel, pgd model.VA) {
	if k.M.Kernel.XenCR3 == model.Frame(k.M.L.PA(pgd).PFN()) {
		writeCR3(k, k.M.L.Kernel.Root.PA())
	}
	if !k.M.Kernel.SecondPinned {
		return
	}
	if rc := k.M.Unpin(pfnToMFN(k, k.M.L.PA(pgd).PFN())); rc != model.OK {
		k.M.Bug("xen_pgd_unpin", rc)
	}
	k.M.Kernel.SecondPinned = false
	forEachTable(k, k.M.L.Geo.Root(), pgd, true, func(table model.VA) { setTableProt(k, table, false) })
	setTableProt(k, pgd, false)
}

// setTableProt maps a table's page in low memory read-only or writable
// (pin_page, unpin_page).
func setTableProt(k *hooks.Kernel, table model.VA, readOnly bool) {
	prot := k.KernelProt(readOnly)
	e := makeEntry(k, uint64(k.M.L.PA(table))|uint64(prot))
	if rc := k.M.UpdateVAMapping(table, e, model.UVMFNone); rc != model.OK {
		k.M.Bug("pin_page", rc)
	}
}

// forEachTable visits the tables below a root that belong to this address space
// alone: with three levels all L2s, because Xen shares none, and everywhere the
// tables of the user part (pgd_walk with a limit of TASK_SIZE).
func forEachTable(k *hooks.Kernel, level int, table model.VA, user bool, visit func(model.VA)) {
	l := k.M.L
	root := level == l.Geo.Root()
	for i := range l.Geo.Slots[level] {
		entry := k.Slot(table, i)
		mine := user && (!root || i < l.UserSlots())
		if !mine && !(root && l.Geo.Levels == 3) {
			continue
		}
		if k.Val(level, k.Read(entry)) == 0 {
			continue
		}
		sub := k.TableOf(level, entry)
		visit(sub)
		if level > 2 && mine {
			forEachTable(k, level-1, sub, true, visit)
		}
	}
}
