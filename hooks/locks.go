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

func pteLock(table model.PFN) int { return lockPTE + int(table)%(nrLocks-lockPTE) }

// SplitLocks reports whether leaf tables have locks of their own that matter: on
// several processors (USE_SPLIT_PTLOCKS).
func (k *Kernel) SplitLocks() bool { return k.M.Processors() > 1 }
