package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func slotsKept() Rule {
	return Rule{
		ID:      "slots-kept",
		Says:    "A slot of early_ioremap in use maps the frame that was asked for.",
		Applies: "when a call of a later kernel ends, and at every step while the fixmap's tables are made",
		Source:  "Linux a3c6018e565d, page_table_kmap_check: entries are copied before the new table is linked",
		Limits:  "write permission is not looked at: a guest gets most slots read-only",
		Goal:    "a call ends while a slot is in use",
		Kernel:  LaterKernel,
		Tell:    tellSlots,
		check:   checkSlots,
	}
}

func checkSlots(c *Checker, st *model.Step) result {
	l, e, b := c.s.L, c.s.L.Early, &c.s.Kernel.Buffer
	if b.Windows == 0 || st.Op != model.OpCallEnd && st.Call.Kind != model.CallKmapInit {
		return silent
	}
	for slot := range e.Windows {
		if b.Windows>>slot&1 == 0 {
			continue
		}
		va := l.Fix(e.Window + slot)
		m, ok := resolve(c.s, l.Geo, c.s.CPU.CR3, va)
		if !ok || m.frame != model.Frame(l.Kernel.Spare) {
			return c.fail(c.at(va, l.Geo, m).WithWantFrame(model.Frame(l.Kernel.Spare)))
		}
	}
	return held
}

func tellSlots(v *Violation) string {
	return fmt.Sprintf("address %s, a slot of early_ioremap in use, does not lead to %s: %s", v.page(), v.name(v.wantFrame), v.ends())
}
