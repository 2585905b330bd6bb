package hooks

import "github.com/ptcheck/ptcheck/model"

// Attribute sets of include/asm-i386/pgtable.h.
const (
	// PageTable is _PAGE_TABLE, the flags of new table pointers.
	PageTable = model.Present | model.RW | model.User | model.Accessed | model.Dirty
	// pageKernel is __PAGE_KERNEL_EXEC; __PAGE_KERNEL adds NX.
	pageKernel = model.Present | model.RW | model.Accessed | model.Dirty
)

// kernelProt is PAGE_KERNEL, PAGE_KERNEL_EXEC or their LARGE forms, as they are
// at this point of the boot: the global bit joins when CR4.PGE goes on.
func (k *Kernel) kernelProt(exec, large bool) model.Entry {
	prot := pageKernel
	if !exec {
		prot |= model.NX
	}
	if large {
		prot |= model.PSE
	}
	if k.M.Kernel.Global {
		prot |= model.Global
	}
	return prot
}

// supported drops the bits that __supported_pte_mask lacks: NX unless it is
// enabled, and always where entries have four bytes.
func (k *Kernel) supported(val uint64) uint64 {
	if k.geo().Width == 4 {
		return uint64(uint32(val))
	}
	if !k.layout().Kernel.NX {
		val &^= uint64(model.NX)
	}
	return val
}

// pfnVal puts a frame number and a protection together, as pfn_pte and pfn_pmd
// do before they call the make hook.
func (k *Kernel) pfnVal(pfn model.PFN, prot model.Entry) uint64 {
	return k.supported(uint64(k.layout().Phys(pfn)) | uint64(prot))
}

// isKernelText is is_kernel_text: both ends of the range belong to it.
func (k *Kernel) isKernelText(va model.VA) bool {
	return va >= k.layout().Kernel.PageOffset && va <= k.layout().Kernel.TextEnd
}
