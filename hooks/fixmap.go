package hooks

import "github.com/ptcheck/ptcheck/model"

// Lookup finds the L1 entry of an address under swapper_pg_dir, as
// set_pte_pfn and permanent_kmaps_init do. ok is false where an upper entry is
// none, that is zero.
func (k *Kernel) Lookup(va model.VA) (pte model.VA, ok bool) {
	table := k.Base()
	for level := k.rootLevel(); level >= 2; level-- {
		entry := k.Slot(table, k.geo().Index(va, level))
		if k.Val(level, k.Read(entry)) == 0 {
			return 0, false
		}
		table = k.TableOf(level, entry)
	}
	return k.Slot(table, k.geo().Index(va, 1)), true
}

// pteOffset is the address of va's L1 entry under a root, going through
// whatever the upper entries hold: pgd_offset, pmd_offset and
// pte_offset_kernel in a row.
func (k *Kernel) pteOffset(base, va model.VA) model.VA {
	table := base
	for level := k.rootLevel(); level >= 2; level-- {
		table = k.TableOf(level, k.Slot(table, k.geo().Index(va, level)))
	}
	return k.Slot(table, k.geo().Index(va, 1))
}

// LookupAddress returns the address of the entry that maps va in init_mm, and
// its level: 1, or 2 for a large page (Linux: lookup_address,
// arch/i386/mm/pageattr.c). ok is false if there is none.
func (k *Kernel) LookupAddress(va model.VA) (entry model.VA, level int, ok bool) {
	l := k.layout()
	table := l.VA(model.PFN(k.M.Kernel.InitMM).PA())
	for level = k.rootLevel(); level >= 2; level-- {
		entry = k.Slot(table, k.geo().Index(va, level))
		e := k.Read(entry)
		if k.Val(level, e) == 0 {
			return 0, level, false
		}
		if level == 2 && k.Val(level, e)&uint64(model.PSE) != 0 {
			return entry, 2, true
		}
		table = k.TableOf(level, entry)
	}
	return k.Slot(table, k.geo().Index(va, 1)), 1, true
}

// SetPTEPfn maps va to a frame in an existing L1 table (Linux: set_pte_pfn,
// arch/i386/mm/pgtable.c). prot 0 clears the entry.
func SetPTEPfn(k *Kernel, va model.VA, pfn model.PFN, prot model.Entry) {
	pte, ok := k.Lookup(va)
	if !ok {
		k.M.Bug("set_pte_pfn", model.OK)
	}
	if prot == 0 {
		k.setPTE(pte, 0)
	} else {
		k.setPTE(pte, k.PV.MakePTE(k, k.pfnVal(pfn, prot)))
	}
	k.PV.FlushTLBSingle(k, va)
}

// SetFixmap maps a fixmap index to a physical page (Linux: __set_fixmap).
func SetFixmap(k *Kernel, index int, pfn model.PFN, prot model.Entry) {
	if index <= 0 || index >= k.layout().Kernel.NrFixed {
		k.M.Bug("__set_fixmap", model.OK)
	}
	SetPTEPfn(k, k.layout().Fix(index), pfn, prot)
}

// KernelProt is the attributes of PAGE_KERNEL at this point of the boot,
// without RW if readOnly (PAGE_KERNEL_RO).
func (k *Kernel) KernelProt(readOnly bool) model.Entry {
	prot := k.kernelProt(false, false)
	if readOnly {
		prot &^= model.RW
	}
	return prot
}
