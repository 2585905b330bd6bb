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
		Limits:  "two stores count as halves of one entry if the processor stores to no other entry in between and no lower half follows that would make the second one the first of another store; what another processor stores meanwhile is left out; a wrong order is reported even where the upper half does not change and nobody could tell",
		Goal:    "a live entry is stored in halves",
		Tell:    tellTorn,
		check:   checkTorn,
		heeds:   halves,
		trace: &traceRule{
			applies: "to stores of four bytes into eight-byte entries, one right after the other",
			limits:  "two stores count as halves of one entry if the processor stores to no other entry in between",
			ops:     []TraceOp{TraceStore},
			check:   traceTorn,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpStore, model.OpEmulate, model.OpCallBegin, model.OpCallEnd},
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
	// torn says that it was the second half of an entry, which was was, that the first one
	// had made present too early: unless that was a store by itself, and the lower half of
	// this one follows.
	torn bool
	was  model.Entry
}

// pairOfHalves are the last such store and the one before it, by turns.
type pairOfHalves struct {
	of   [2]half
	turn int
}

// last is the last such store.
func (h *pairOfHalves) last() *half { return &h.of[h.turn] }

func checkTorn(c *Checker, st *model.Step) result {
	h := &c.call.half
	last := h.last()
	h.turn ^= 1
	now := h.last()
	ok := c.halfStored(st, now)
	same := ok && last.live && last.table == now.table && last.slot == now.slot && last.upper != now.upper
	switch {
	case last.torn && !same:
		now.live = false
		return c.fail(atEntry(last.table, last.slot, last.mid).WithWas(last.was).WithBetween(last.old))
	case !ok:
		return silent
	case !same:
		return silent
	}
	now.live = false // it was the second half
	middle, whole := last.mid, now.mid
	if middle.Is(model.Present) && (!last.old.Is(model.Present) || neitherFrame(c.s.L, last.old, middle, whole)) {
		if !now.upper {
			return c.fail(atEntry(st.Frame, now.slot, whole).WithWas(last.old).WithBetween(middle))
		}
		now.live, now.torn, now.was = true, true, last.old
		return silent
	}
	return held
}

// neitherFrame reports whether an entry that was stored in halves named, between them,
// neither the frame that it named before nor the one that it names now. An entry that is
// not present names none.
func neitherFrame(l *model.Layout, old, middle, whole model.Entry) bool {
	is := l.Names(middle)
	return is != l.Names(old) && !(whole.Is(model.Present) && is == l.Names(whole))
}

// halfStored notes the half of a live entry that a step has stored; ok is false if it has
// not.
func (c *Checker) halfStored(st *model.Step, h *half) (ok bool) {
	g := c.s.Active()
	h.live, h.torn = false, false
	if g.Width != 8 || g.SignExtend || st.Op != model.OpStore && st.Op != model.OpEmulate || st.Width != 4 || !c.trees.active.has(st.Frame) {
		return false
	}
	*h = half{table: st.Frame, slot: st.Off / 8, upper: st.Off%8 == 4, live: true}
	h.mid = c.s.Entry(g, st.Frame, h.slot)
	h.old = h.mid
	for _, w := range c.stores {
		if w.Frame == st.Frame && w.Word == h.slot {
			h.old = model.Entry(w.Old)
			break
		}
	}
	return true
}

func tellTorn(v *Violation) string {
	early := "which names neither frame"
	if !v.was.Is(model.Present) {
		early = "present before it was whole"
	}
	return fmt.Sprintf("entry %s was %s and is %s; between the stores of its halves it was %s, %s",
		v.slotName(), v.EntryText(v.was), v.EntryText(v.is), v.EntryText(v.between), early)
}

// traceHalf is the store of half an entry.
type traceHalf struct {
	frame model.Frame
	slot  int
	upper bool
	old   model.Entry
	mid   model.Entry
	valid bool
}

// traceTorn judges a store of a trace.
func traceTorn(t *Trace, e *TraceEvent) (Detail, result) {
	for len(t.halves) <= e.CPU {
		t.halves = append(t.halves, traceHalf{})
	}
	last := t.halves[e.CPU]
	t.halves[e.CPU] = traceHalf{}
	if t.width != 8 || e.Size != 4 {
		return Detail{}, silent
	}
	now := traceHalf{e.Frame, e.Slot, e.VA&4 != 0, e.Old, e.New, true}
	if !last.valid || last.frame != now.frame || last.slot != now.slot || last.upper == now.upper {
		t.halves[e.CPU] = now
		return Detail{}, silent
	}
	middle := last.mid
	neither := neitherFrame(t.s.L, last.old, middle, e.New)
	early := !last.old.Is(model.Present) && now.upper && e.New.Is(model.Present) && e.New != middle
	if middle.Is(model.Present) && (early || last.old.Is(model.Present) && neither) {
		return atEntry(e.Frame, e.Slot, e.New).WithWas(last.old).WithBetween(middle), broken
	}
	return Detail{}, held
}
