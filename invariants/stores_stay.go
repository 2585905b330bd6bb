package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func storesStay() Rule {
	return Rule{
		ID:      "stores-stay",
		Says:    "Page-table construction writes to tables alone: to the kernel's root, to the zero page, to tables in use and to pages of the boot allocator.",
		Applies: "to stores, emulated stores, page clearings and updates by hypercall",
		Source:  "Linux b239fb25, pagetable_init and what it calls",
		Limits:  "what the zero page may hold is the business of zero-page-empty; a page of the boot allocator counts as the tables' own whatever it was taken for; contents that no table can use are not modelled",
		Goal:    "an entry is stored",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellStores,
		check:   checkStores,
		ops:     model.Storing(),
	}
}

func checkStores(c *Checker, st *model.Step) result {
	if st.Errno != model.OK {
		return silent // nothing was stored
	}
	k := &c.s.L.Kernel
	pfn := model.PFN(st.Frame)
	switch {
	case st.Frame < 0:
	case pfn == k.Root, pfn == k.ZeroPage, k.Tables.Has(pfn), pfn >= k.BootmemFirst && pfn < c.s.Kernel.BootmemNext, c.trees.inUse(st.Frame), c.view.isTable(st.Frame):
		return held
	}
	return c.fail(concerns(st))
}

func tellStores(v *Violation) string {
	what := v.Step.Op.String()
	if v.has&partAddress != 0 {
		what += " at " + v.page()
	}
	return fmt.Sprintf("%s changes %s, which is no table and no page of the boot allocator", what, v.name(v.frame))
}
