package hooks

import "github.com/ptcheck/ptcheck/model"

// Entries of processes and of the vmalloc area.

// protNone marks an entry that keeps its page but grants nothing: not present for
// the processor, present for the kernel (_PAGE_PROTNONE of asm-i386/pgtable.h).
const protNone = model.PSE

// pageUser are the flags of an anonymous page (PAGE_SHARED, dirty).
const pageUser = model.Present | model.RW | model.User | model.Accessed | model.Dirty | model.NX

// ptePresent is pte_present of a value.
func ptePresent(val uint64) bool { return val&uint64(model.Present|protNone) != 0 }

// swapEntry is the one entry of a page that has been swapped out: type 1, offset
// 2. Wide entries of 32-bit kernels have it in their upper half.
func (k *Kernel) swapEntry() model.Entry {
	const entry = 2<<9 | 1<<1
	if k.geo().Width == 8 && !k.geo().SignExtend {
		return entry << 32
	}
	return entry
}

// valPFN is pte_pfn of a value.
func (k *Kernel) valPFN(val uint64) model.PFN { return k.layout().Page(model.PA(val) & pageMask) }

// TableAlloc makes a table of a level and links it to an empty entry of the level
// above: __pte_alloc, __pmd_alloc and __pud_alloc. Leaf tables of processes may
// lie in high memory.
func TableAlloc(k *Kernel, pgd model.VA, level int, entry model.VA) {
	high := level == 1 && k.lifeMap().HighPTE && pgd != k.Base()
	pfn := k.getZeroedPage(high)
	k.LockMM(pgd)
	if k.Val(level+1, k.Read(entry)) == 0 {
		k.PV.Life.AllocTable(k, pgd, level, pfn)
		k.SetUpper(level+1, entry, k.make(level+1, uint64(k.layout().Phys(pfn))|uint64(k.upperFlags(level+1))))
		k.UnlockMM(pgd)
		return
	}
	k.UnlockMM(pgd)
	k.M.FreePage(pfn) // somebody was faster
}

// pmdOf returns the address of the L2 entry for va below a root. alloc makes
// missing tables, the leaf table too; without it ok is false where there is none.
func (k *Kernel) pmdOf(pgd, va model.VA, alloc bool) (entry model.VA, ok bool) {
	table := pgd
	for level := k.rootLevel(); ; level-- {
		entry = k.Slot(table, k.geo().Index(va, level))
		if k.Val(level, k.Read(entry)) == 0 {
			if !alloc {
				return entry, false
			}
			k.Fn.Life.TableAlloc(k, pgd, level-1, entry)
		}
		if level == 2 {
			return entry, true
		}
		table = k.TableOf(level, entry)
	}
}

// PteMap returns the address of va's entry in the leaf table that an L2 entry
// names, mapping a table in high memory (pte_offset_map). PteUnmap ends its use.
func (k *Kernel) PteMap(pmd, va model.VA) model.VA {
	pfn := k.valPFN(k.Val(2, k.Read(pmd)))
	readOnly := pfn >= k.layout().Kernel.MaxLowPFN && k.PV.Life.KmapPTEReadOnly(k, pfn)
	return k.Slot(k.KmapAtomic(k.lifeMap().KmapPTE, pfn, readOnly), k.geo().Index(va, 1))
}

// PteUnmap is pte_unmap.
func (k *Kernel) PteUnmap(pte model.VA) {
	if k.lifeMap().HighPTE {
		k.Fn.Life.KunmapAtomic(k, pte, k.lifeMap().KmapPTE)
	}
}

// lockPTE returns the address of va's entry below a root, with the lock of its
// table taken (pte_offset_map_lock). ok is false where there is no table.
func (k *Kernel) lockPTE(pgd, va model.VA) (pte model.VA, table model.PFN, ok bool) {
	pmd, ok := k.pmdOf(pgd, va, false)
	if !ok {
		return 0, 0, false
	}
	table = k.valPFN(k.Val(2, k.Read(pmd)))
	k.LockTable(table)
	return k.PteMap(pmd, va), table, true
}

// unlockPTE ends what lockPTE began.
func (k *Kernel) unlockPTE(pte model.VA, table model.PFN) {
	k.PteUnmap(pte)
	k.UnlockTable(table)
}

func (k *Kernel) readPTE(pte model.VA) uint64 { return k.PV.PTEVal(k, k.Read(pte)) }

func (k *Kernel) clearPTE(pte model.VA) { k.Fn.Life.ClearPTE(k, pte) }

// ClearPTE empties an entry. The lower half of a wide one, with the present bit,
// goes first (Linux: native_ptep_get_and_clear, native_pte_clear).
func ClearPTE(k *Kernel, pte model.VA) {
	if k.geo().Width == 8 && !k.geo().SignExtend {
		k.M.Store(pte, 4, 0)
		k.M.Store(pte+4, 4, 0)
		return
	}
	k.Write(pte, 0)
}

// userVal is an entry's value for a page of a process.
func (k *Kernel) userVal(pfn model.PFN) uint64 { return k.pfnVal(pfn, pageUser) }
