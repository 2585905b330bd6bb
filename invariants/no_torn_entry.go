package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func noTornEntry() Rule {
	return Rule{
		ID:      "no-torn-entry",
		Says:    "A live entry that is stored in two halves is never seen present with a frame that is neither the old nor the new one.",
		Applies: "to stores of four bytes into eight-byte entries of a table under CR3: where the old entry is not present, the present bit arrives last",
		Source:  "Linux, native_set_pte (include/asm-i386/pgtable-3level.h): the upper half first, a write barrier, the lower half",
		Limits:  "two stores count as halves of one entry if the processor stores to no other entry in between; what another processor stores meanwhile is left out; a wrong order is reported even where the upper half does not change and nobody could tell",
		Goal:    "a live entry is stored in halves",
		Tell:    tellTorn,
		check:   checkTorn,
		ops:     []model.Op{model.OpStore, model.OpEmulate, model.OpCallBegin},
	}
}

// half is the store of one half of an entry.
type half struct {
	table model.Frame
	slot  int
	upper bool
	live  bool        // there was such a store
	old   model.Entry // the entry before it
	mid   model.Entry // and after it
}

func checkTorn(c *Checker, st *model.Step) result {
	h := &c.call.half
	last := *h
	*h = half{}
	g := c.s.Active()
	if g.Width != 8 || g.SignExtend || st.Op == model.OpCallBegin || st.Width != 4 || !c.trees.active.has(st.Frame) {
		return silent
	}
	slot, upper := st.Off/8, st.Off%8 == 4
	now := c.s.Entry(g, st.Frame, slot)
	before := now
	for w := range c.s.Writes {
		if w.Frame == st.Frame && w.Word == slot {
			before = model.Entry(w.Old)
			break
		}
	}
	if !last.live || last.table != st.Frame || last.slot != slot || last.upper == upper {
		*h = half{table: st.Frame, slot: slot, upper: upper, live: true, old: before, mid: now}
		return silent
	}
	middle := last.mid
	if middle.Is(model.Present) && (!last.old.Is(model.Present) || middle.MFN() != last.old.MFN() && middle.MFN() != now.MFN()) {
		return c.fail(atEntry(st.Frame, slot, now).WithWas(last.old).WithBetween(middle))
	}
	return held
}

func tellTorn(v *Violation) string {
	early := "which names neither frame"
	if !v.was.Is(model.Present) {
		early = "present before it was whole"
	}
	return fmt.Sprintf("entry %s was %s and is %s; between the stores of its halves it was %s, %s",
		v.slotName(), v.EntryText(v.was), v.EntryText(v.is), v.EntryText(v.between), early)
}
