package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func userPartEmpty() Rule {
	return Rule{
		ID:      "user-part-empty",
		Says:    "A new address space maps nothing in the user's part, neither what another one has there nor the boot's low mappings.",
		Applies: "when pgd_alloc ends",
		Source:  "Linux, arch/i386/mm/pgtable.c, 2007: pgd_ctor clears the user's entries and copies the kernel's",
		Limits:  "looks at present leaves, not at tables without any",
		Goal:    "pgd_alloc ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellUserPart,
		check:   checkUserPart,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkUserPart(c *Checker, st *model.Step) result {
	root := c.s.Kernel.Second
	if st.Call.Kind != model.CallPgdAlloc || root == model.NoFrame {
		return silent
	}
	if d, mapped := c.mapsBelow(root, c.s.L.UserSlots()); mapped {
		return c.fail(d)
	}
	return held
}

// mapsBelow looks for something mapped by the slots of a root below one of them.
func (c *Checker) mapsBelow(root model.Frame, end int) (d Detail, found bool) {
	t := rootOf(c.s, c.s.L.Geo, root)
	for slot, e := range t.entries {
		if slot >= end {
			break
		}
		if e.Is(model.Present) && t.mapsThrough(slot, e) {
			return atEntry(root, slot, e), true
		}
	}
	return d, false
}

func tellUserPart(v *Violation) string {
	return fmt.Sprintf("entry %s, in the user's part of the new address space, is %s, and something is mapped there", v.slotName(), v.EntryText(v.is))
}
