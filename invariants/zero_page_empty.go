package invariants

import "github.com/ptcheck/ptcheck/model"

func zeroPageEmpty() Rule {
	return Rule{
		ID:      "zero-page-empty",
		Says:    "The zero page stays empty: it may be named as a table, but no table is built in it.",
		Applies: "at every step that writes to it, and when a call ends",
		Source:  "Linux b239fb25, native_pagetable_setup_start and zap_low_mappings: user slots name empty_zero_page",
		Limits:  "looks at the words that a table of the scope can occupy",
		Goal:    "a call ends",
		check:   checkZeroPage,
	}
}

func checkZeroPage(c *Checker, st *model.Step) result {
	zero := model.Frame(c.s.L.Kernel.ZeroPage)
	if !c.s.L.Map.IsGuest(zero) || st.Op != model.OpCallEnd && !c.writes(zero) {
		return silent
	}
	if !c.s.Empty(zero) {
		return c.fail(Detail{Frame: zero, VA: st.VA})
	}
	return held
}

// writes reports whether the step changed a frame.
func (c *Checker) writes(f model.Frame) bool {
	for w := range c.s.Writes {
		if w.Frame == f {
			return true
		}
	}
	return false
}
