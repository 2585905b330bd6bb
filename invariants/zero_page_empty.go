package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func zeroPageEmpty() Rule {
	return Rule{
		ID:      "zero-page-empty",
		Says:    "The zero page stays empty: it may be named as a table, but no table is built in it.",
		Applies: "at every step that writes to it, and when a call ends",
		Source:  "Linux b239fb25, native_pagetable_setup_start and zap_low_mappings: user slots name empty_zero_page",
		Limits:  "looks at the words that a table of the scope can occupy",
		Goal:    "a call ends",
		Tell:    tellZeroPage,
		check:   checkZeroPage,
		heeds:   zeroWritten,
	}
}

func checkZeroPage(c *Checker, st *model.Step) result {
	zero := model.Frame(c.s.L.Kernel.ZeroPage)
	if !c.s.L.Map.IsGuest(zero) || st.Op != model.OpCallEnd && !c.writes(zero) {
		return silent
	}
	if !c.s.Empty(zero) {
		g := c.s.L.Geo
		slot := c.s.NextUsed(g, zero, 0, g.Words()*8/g.Width)
		if g.Width == 4 && c.s.Entry(g, zero, slot) == 0 {
			slot++ // the other half of the word
		}
		return c.fail(about(zero).WithEntry(zero, slot, c.s.Entry(g, zero, slot)))
	}
	return held
}

func tellZeroPage(v *Violation) string {
	return fmt.Sprintf("%s is the zero page; %s", v.name(v.frame), v.entry())
}

// writes reports whether the step changed a frame.
func (c *Checker) writes(f model.Frame) bool {
	for _, w := range c.stores {
		if w.Frame == f {
			return true
		}
	}
	return false
}
