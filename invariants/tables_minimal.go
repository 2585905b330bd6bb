package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func tablesMinimal() Rule {
	return Rule{
		ID:      "tables-minimal",
		Says:    "Every table of the direct map covers memory that the memory map lists.",
		Applies: "when a call of a later kernel ends that maps memory",
		Source:  "XenLinux cdb54b8880 (tables for the whole range), 6de27d5b5e (tables are needed for the memory to be ballooned up, too); Linux 24bdb0b62cc8",
		Limits:  "says nothing of tables elsewhere",
		Goal:    "such a call ends",
		Kernel:  LaterKernel,
		Tell:    tellMinimal,
		check:   checkMinimal,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkMinimal(c *Checker, st *model.Step) result {
	switch st.Call.Kind {
	case model.CallMapRange, model.CallTopStep, model.CallTopEnd:
	default:
		return silent
	}
	g := c.s.Active()
	good := c.throughDirect(&c.sweeps.minimal, func(from, to model.PFN) bool {
		for pfn := from; pfn < to; {
			m, _ := resolve(c.s, g, c.s.CPU.CR3, c.s.L.VA(pfn.PA()))
			c.pages++
			if m.level < g.Levels {
				// The entry lies in a table of this level: look at all that it covers.
				if d, bad := c.uselessTable(m, pfn); bad {
					c.fail(d)
					return false
				}
			}
			if pfn = nextEntry(c.s.L, m, g, pfn); m.level == 1 {
				pfn += model.PFN(g.Slots[1] - 1 - m.slot) // the same table
			}
		}
		return true
	})
	if !good {
		return broken
	}
	return held
}

// uselessTable reports whether nothing that a table covers is listed as RAM. pfn
// is the frame whose walk ended in the table.
func (c *Checker) uselessTable(m mapping, pfn model.PFN) (Detail, bool) {
	g := c.s.Active()
	covers := model.PFN(g.Span(m.level) >> model.PageShift * model.VA(g.Slots[m.level]))
	if first := pfn / covers * covers; listedBetween(c.s.L.Early, first, first+covers) {
		return Detail{}, false
	}
	return about(m.table).WithAddress(c.s.L.VA(pfn.PA())), true
}

func tellMinimal(v *Violation) string {
	return fmt.Sprintf("%s is a table, for address %s among others; the memory map lists nothing that it covers", v.name(v.frame), v.page())
}
