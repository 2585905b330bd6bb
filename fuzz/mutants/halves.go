package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// halvesMutants are bugs of 32-bit kernels whose memory lies above 4 GiB: each half of an
// entry matters, and so does the order in which they are stored.
func halvesMutants() []Mutant {
	const narrow = "Linux, include/asm-i386/pgtable-3level.h: pfn_pte and pte_pfn compute in 64 bits"
	const clear = "Linux, include/asm-i386/pgtable-3level.h: the lower half is cleared first"
	return []Mutant{
		{ID: "high-lost", What: "an entry for a page above 4 GiB is made in 32 bits", Source: narrow,
			Place: lifeNative(3, "pages"), Catch: "nothing-left-behind", Steps: 2, Change: ofKernel(made32)},
		{ID: "high-lost-table", What: "the pointer to a table above 4 GiB is made in 32 bits", Source: narrow + ", pmd_populate",
			Place: lifeNative(3, "high"), Catch: "nothing-left-behind", Steps: 2, Change: ofKernel(made32Above)},
		{ID: "high-lost-kmap", What: "a kmap of a page above 4 GiB is made in 32 bits: somebody else's page is cleared", Source: narrow,
			Place: lifeNative(3, "vmalloc"), Catch: "nothing-left-behind", Steps: 1, Change: ofKernel(kmap32)},
		{ID: "high-unread", What: "the page of an entry is read in 32 bits", Source: narrow,
			Place: lifeNative(3, "pages"), Catch: "nothing-left-behind", Steps: 3, Change: ofKernel(read32)},
		{ID: "clear-torn", What: "the upper half of a page's entry is cleared first", Source: clear + ", native_ptep_get_and_clear",
			Place: lifeNative(3, "fork"), Catch: "no-torn-entry", Steps: 2, Change: ofKernel(clearUpperFirst)},
		{ID: "kunmap-torn", What: "a kmap is ended by a store as of any entry, upper half first", Source: clear + ", kpte_clear_flush",
			Place: lifeNative(3, "pages"), Catch: "no-torn-entry", Steps: 2, Change: ofKernel(kunmapAsSet)},
		{ID: "clear-half", What: "only the half with the present bit is cleared: what comes next is not empty", Source: clear,
			Place: lifeNative(3, "fork"), Catch: "nothing-left-behind", Steps: 3, Change: ofKernel(clearHalf)},
	}
}

// narrowed drops what 32 bits do not hold of an entry's frame; its flags stay.
func narrowed(v uint64) uint64 { return v &^ (uint64(model.FrameMask) &^ 0xffff_ffff) }

// made32 makes leaf entries in 32 bits.
func made32(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry { return entry(k, narrowed(v)) }
}

// made32Above makes entries above them so.
func made32Above(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePMD
	o.MakePMD = func(k *hooks.Kernel, v uint64) model.Entry { return entry(k, narrowed(v)) }
}

// kmap32 makes entries of the kernel's own pages so.
func kmap32(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry {
		if v&uint64(model.User) == 0 {
			v = narrowed(v)
		}
		return entry(k, v)
	}
}

// read32 reads leaf entries so.
func read32(o *hooks.Ops, _ *hooks.Funcs) {
	value := o.PTEVal
	o.PTEVal = func(k *hooks.Kernel, e model.Entry) uint64 { return narrowed(value(k, e)) }
}

// clearUpperFirst clears the halves of an entry in the wrong order.
func clearUpperFirst(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.ClearPTE = func(k *hooks.Kernel, pte model.VA) {
		k.M.Store(pte+4, 4, 0)
		k.M.Store(pte, 4, 0)
	}
}

// clearHalf clears one of them alone.
func clearHalf(_ *hooks.Ops, f *hooks.Funcs) {
	f.Life.ClearPTE = func(k *hooks.Kernel, pte model.VA) { k.M.Store(pte, 4, 0) }
}

// kunmapAsSet ends atomic kmaps with set_pte.
func kunmapAsSet(_ *hooks.Ops, f *hooks.Funcs) {
	kunmap := f.Life.KunmapAtomic
	f.Life.KunmapAtomic = func(k *hooks.Kernel, va model.VA, index int) {
		clear := k.Fn.Life.ClearPTE
		k.Fn.Life.ClearPTE = func(k *hooks.Kernel, pte model.VA) { k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, 0) }
		kunmap(k, va, index)
		k.Fn.Life.ClearPTE = clear
	}
}
