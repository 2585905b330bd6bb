package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func tablesCleared() Rule {
	return Rule{
		ID:      "tables-cleared",
		Says:    "A table comes into use with every slot written: none still holds what its memory held before.",
		Applies: "to the entries of tables that a step brings into use",
		Source:  "Linux, arch/i386/mm/init.c: alloc_bootmem_low_pages; alloc_low_page: clear_page; pte_alloc_one: __GFP_ZERO; Intel SDM vol. 3, 4.2",
		Limits:  "knows what memory held by the litter that the model puts there; an entry that happens to be the same counts as litter",
		Goal:    "a table with an entry comes into use",
		Tell:    tellUncleared,
		check:   checkCleared,
		heeds:   newTables,
		ops:     entryOps,
	}
}

func checkCleared(c *Checker, _ *model.Step) result {
	out := silent
	c.trees.eachGained(c.s, func(e *edit) bool {
		out = held
		if e.now == c.s.L.Litter(c.trees.of(e.trees).geo, e.table, e.slot) {
			out = c.fail(atEntry(e.table, e.slot, e.now))
			return false
		}
		return true
	})
	return out
}

func tellUncleared(v *Violation) string {
	return fmt.Sprintf("%s: nobody has written this slot since the memory of %s was handed out", v.entry(), v.name(v.table))
}
