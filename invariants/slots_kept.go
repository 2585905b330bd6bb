package invariants

import "github.com/ptcheck/ptcheck/model"

func slotsKept() Rule {
	return Rule{
		ID:      "slots-kept",
		Says:    "A slot of early_ioremap in use maps the frame that was asked for.",
		Applies: "when a call of a later kernel ends, and at every step while the fixmap's tables are made",
		Source:  "Linux a3c6018e565d, page_table_kmap_check: entries are copied before the new table is linked",
		Limits:  "write permission is not looked at: a guest gets most slots read-only",
		Goal:    "a call ends while a slot is in use",
		Kernel:  LaterKernel,
		check:   checkSlots,
	}
}

func checkSlots(c *Checker, st *model.Step) result {
	l, e, b := c.s.L, c.s.L.Early, &c.s.Kernel.Buffer
	if e == nil || b.Windows == 0 || st.Op != model.OpCallEnd && st.Call.Kind != model.CallKmapInit {
		return silent
	}
	for slot := range e.Windows {
		if b.Windows>>slot&1 == 0 {
			continue
		}
		va := l.Fix(e.Window + slot)
		m, ok := resolve(c.s, l.Geo, c.s.CPU.CR3, va)
		if !ok || m.frame != model.Frame(l.Kernel.Spare) {
			return c.fail(Detail{Frame: model.NoFrame, VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
		}
	}
	return held
}
