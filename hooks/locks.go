package hooks

import "github.com/ptcheck/ptcheck/model"

// The kernel's spinlocks, by their numbers on the machine.
const (
	lockPgd  = 0 // pgd_lock: pgd_list, and the kernel's part of the roots on it
	lockInit = 1 // init_mm.page_table_lock
	lockIRQ  = 2 // interrupts of processor 0 are off; 3: of processor 1
	lockMM   = 4 // page_table_lock of process 0; 5 and 6: of the others
	lockRmap = 7 // who maps which page (anon_vma.lock)
	lockPTE  = 8 // the locks of single leaf tables, by frame
	nrLocks  = 32
)

// mmLock is the page_table_lock that goes with a root.
func (k *Kernel) mmLock(pgd model.VA) int {
	if n := k.life().Owner(model.Frame(k.PfnOf(pgd))); n >= 0 {
		return lockMM + n
	}
	return lockInit
}

// LockMM takes the page_table_lock that goes with a root, UnlockMM releases it.
func (k *Kernel) LockMM(pgd model.VA) { k.M.Lock(k.mmLock(pgd)) }

// UnlockMM releases what LockMM took.
func (k *Kernel) UnlockMM(pgd model.VA) { k.M.Unlock(k.mmLock(pgd)) }

func pteLock(table model.PFN) int { return lockPTE + int(table)%(nrLocks-lockPTE) }

// LockTable takes the lock of a leaf table (pte_lockptr), UnlockTable releases it.
func (k *Kernel) LockTable(table model.PFN) { k.M.Lock(pteLock(table)) }

// UnlockTable releases what LockTable took.
func (k *Kernel) UnlockTable(table model.PFN) { k.M.Unlock(pteLock(table)) }

// SplitLocks reports whether leaf tables have locks of their own that matter: on
// several processors (USE_SPLIT_PTLOCKS).
func (k *Kernel) SplitLocks() bool { return k.M.Processors() > 1 }

// LockIRQ waits until a processor takes interrupts, and keeps it from disabling
// them; UnlockIRQ ends that. The processor itself disables its interrupts so.
func (k *Kernel) LockIRQ(cpu int) { k.M.Lock(lockIRQ + cpu) }

// UnlockIRQ releases what LockIRQ took.
func (k *Kernel) UnlockIRQ(cpu int) { k.M.Unlock(lockIRQ + cpu) }
