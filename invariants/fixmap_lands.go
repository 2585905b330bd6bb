package invariants

import "github.com/ptcheck/ptcheck/model"

func fixmapLands() Rule {
	return Rule{
		ID:      "fixmap-lands",
		Says:    "A fixmap index maps the frame that was asked for, with the write permission that was asked for.",
		Applies: "when a fixmap or alias call ends, and for shared_info when setup_done ends under a hypervisor",
		Source:  "Linux, set_pte_pfn (arch/i386/mm/pgtable.c) and xen_pagetable_setup_done (ab144f5e)",
		Limits:  "looks at the tables under the kernel's own root, and at no attribute but write permission",
		Goal:    "a fixmap call ends",
		check:   checkFixmap,
	}
}

func checkFixmap(c *Checker, st *model.Step) result {
	if st.Op != model.OpCallEnd {
		return silent
	}
	l := c.s.L
	switch st.Call.Kind {
	case model.CallFixmap, model.CallAlias:
		return c.fixmapIs(l.Fix(st.Call.Index), l.Map.MFN(model.Frame(st.Call.From)), st.Call.Kind == model.CallFixmap)
	case model.CallSetupDone:
		if l.Hyper != nil {
			return c.fixmapIs(l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, true)
		}
	}
	return silent
}

// fixmapIs compares the mapping of an address under the kernel's root.
func (c *Checker) fixmapIs(va model.VA, want model.MFN, writable bool) result {
	m, ok := resolve(c.s, c.s.L.Geo, model.Frame(c.s.L.Kernel.Root), va)
	if !ok || m.leaf.MFN() != want || m.leaf.Is(model.RW) != writable {
		return c.fail(Detail{Frame: model.NoFrame, VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf), Want: uint64(model.MakeEntry(want, model.Present))})
	}
	return held
}
