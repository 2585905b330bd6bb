package hooks

import "github.com/ptcheck/ptcheck/model"

// The accessors: how kernel code reaches entries, by whatever hooks are set. They do
// nothing of their own, so that a report names the code that calls one instead, where
// that is what goes wrong. A helper that hands its arguments on to the machine belongs
// here.

func (k *Kernel) layout() *model.Layout { return k.M.L }
func (k *Kernel) geo() *model.Geometry  { return k.M.L.Geo }

// Base is the virtual address of swapper_pg_dir, the kernel's root table.
func (k *Kernel) Base() model.VA { return k.layout().VA(k.layout().Kernel.Root.PA()) }

// Slot is the address of an entry of the table at a virtual address.
func (k *Kernel) Slot(table model.VA, index int) model.VA {
	return k.geo().Wrap(table + model.VA(index*k.geo().Width))
}

// Read loads an entry through its virtual address.
func (k *Kernel) Read(entry model.VA) model.Entry {
	return model.Entry(k.M.Load(entry, k.geo().Width))
}

// Write stores an entry with a plain store of its full width.
func (k *Kernel) Write(entry model.VA, e model.Entry) {
	k.M.Store(entry, k.geo().Width, uint64(e))
}

// rootLevel is the level of the pgd; in a 2-level geometry pgd and pmd are one.
func (k *Kernel) rootLevel() int { return k.geo().Levels }

// Val is pgd_val, pud_val or pmd_val of an entry of an upper level. Folded
// levels go to the hook of the level above, as in pgtable-nopmd.h.
func (k *Kernel) Val(level int, e model.Entry) uint64 {
	if level == k.rootLevel() {
		return k.PV.PGDVal(k, e)
	}
	return k.PV.PMDVal(k, e)
}

// make is __pgd, __pud or __pmd.
func (k *Kernel) make(level int, val uint64) model.Entry {
	if level == k.rootLevel() {
		return k.PV.MakePGD(k, val)
	}
	return k.PV.MakePMD(k, val)
}

// SetUpper is set_pgd, set_pud or set_pmd, by level. A folded root is written
// as a pmd.
func (k *Kernel) SetUpper(level int, entry model.VA, e model.Entry) {
	switch {
	case level == 2:
		k.PV.SetPMD(k, entry, e)
	case level == k.rootLevel():
		k.PV.SetPGD(k, entry, e)
	default:
		k.PV.SetPUD(k, entry, e)
	}
}

// SetPGD stores a root entry.
func (k *Kernel) SetPGD(entry model.VA, e model.Entry) { k.SetUpper(k.rootLevel(), entry, e) }

// setPTE calls the variant of set_pte that is live.
func (k *Kernel) setPTE(ptep model.VA, pte model.Entry) {
	f := k.PV.SetPTE[k.M.Kernel.SetPTE]
	if f == nil {
		k.M.Die(model.Crash{Kind: model.CrashNullCall, Where: "set_pte"})
	}
	f(k, ptep, pte)
}

// TableOf is the direct-map address of the table that an upper entry names:
// pmd_offset(pud, 0) or pte_offset_kernel(pmd, 0). It does not look at the
// present bit, nor at whether the entry is a large page.
func (k *Kernel) TableOf(level int, entry model.VA) model.VA {
	val := k.Val(level, k.Read(entry))
	return k.layout().VA(model.PA(val) & pageMask)
}

// pageMask cuts the offset and the attribute bits off an entry's value.
const pageMask = model.PA(model.FrameMask)

// LockMM takes the page_table_lock that goes with a root, UnlockMM releases it.
func (k *Kernel) LockMM(pgd model.VA) { k.M.Lock(k.mmLock(pgd)) }

// UnlockMM releases what LockMM took.
func (k *Kernel) UnlockMM(pgd model.VA) { k.M.Unlock(k.mmLock(pgd)) }

// LockTable takes the lock of a leaf table (pte_lockptr), UnlockTable releases it.
func (k *Kernel) LockTable(table model.PFN) { k.M.Lock(pteLock(table)) }

// UnlockTable releases what LockTable took.
func (k *Kernel) UnlockTable(table model.PFN) { k.M.Unlock(pteLock(table)) }

// LockIRQ waits until a processor takes interrupts, and keeps it from disabling
// them; UnlockIRQ ends that. The processor itself disables its interrupts so.
func (k *Kernel) LockIRQ(cpu int) { k.M.Lock(lockIRQ + cpu) }

// UnlockIRQ releases what LockIRQ took.
func (k *Kernel) UnlockIRQ(cpu int) { k.M.Unlock(lockIRQ + cpu) }
