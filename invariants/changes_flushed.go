package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func changesFlushed() Rule {
	return Rule{
		ID:      "changes-flushed",
		Says:    "What a call takes away from the tables in use, or leads elsewhere, is flushed after the change: before the call ends, and before the page concerned is free.",
		Applies: "to entries that some processor reaches from its CR3, and on bare metal to those that were global, which lose their frame for another one or for none; in the user's part, and after boot on bare metal in the kernel's, also to those that lose a right; on every processor, when the call ends outside lazy sections, and when a frame is given back; in the vmalloc area of a kernel that flushes it lazily, when an address is used again",
		Source:  "Intel SDM vol. 3, 4.10.2 to 4.10.4; Linux, zap_low_mappings, set_pte_pfn, kpte_clear_flush, tlb_finish_mmu, ptep_clear_flush, flush_tlb_mm, native_flush_tlb_global; db64fe02258f (vmap addresses are flushed before they are used again); 831d52bc1539 (TLBs filled while CR3 is still the old root)",
		Limits:  "a kmap_atomic address is its processor's own; tables that become large pages with the same frames are exempt, and so is what a lazy section leaves to its end; a flush by the hypervisor for its own sake does not count",
		Goal:    "a flush follows a change",
		Tell:    tellUnflushed,
		check:   checkFlushed,
		heeds:   oldEntries | otherEntries | askedFor | lateFlushes,
		trace: &traceRule{
			applies: "to entries in use that lose their page, lead elsewhere or grant less: before their address leads to another page, before the table or page that they named is a table, and, unless they are only gone, before the kernel has gone on for long; natively",
			limits:  "what no processor can have cached, because the entry was never marked as accessed, is left out; a load of CR3 counts as a flush even where it keeps translations (PCID)",
			ops:     []TraceOp{TraceStore, TraceAdopt, TraceEnd},
			check:   traceFlushed,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpStore, model.OpEmulate, model.OpClearPage, model.OpLoadCR3, model.OpMMUUpdate,
			model.OpUpdateVA, model.OpNewBaseptr, model.OpSetCR4, model.OpFlush, model.OpInvlpg, model.OpFree, model.OpCallEnd},
	}
}

func checkFlushed(c *Checker, st *model.Step) result {
	here := uint8(1) << st.CPU
	switch st.Op {
	case model.OpNewBaseptr: // the hypervisor's load of CR3 leaves nothing of its guest's
		return goal(st.Errno == model.OK && c.flushed(here, nil, true))
	case model.OpFlush:
		return goal(st.Errno == model.OK && c.flushed(processors(c.s, st), nil, true))
	case model.OpLoadCR3:
		return goal(c.flushed(here, nil, false))
	case model.OpSetCR4:
		const flushes = model.CR4PAE | model.CR4PSE | model.CR4PGE
		return goal((c.cr4[st.CPU]^c.s.CPU.CR4)&flushes != 0 && c.flushed(here, nil, true))
	case model.OpInvlpg:
		return goal(c.flushed(processors(c.s, st), &st.VA, true))
	case model.OpFree:
		return c.freedUnflushed(st)
	case model.OpCallEnd:
		return c.leftUnflushed(st)
	}
	c.noteUnflushed(st)
	if st.Op == model.OpUpdateVA && st.Errno == model.OK {
		return goal(c.flushedWith(st))
	}
	return silent
}

// goal is the result of a step that is about a rule's goal, or is not.
func goal(met bool) result {
	if met {
		return held
	}
	return silent
}

// processors are those that a flush is about, by bit.
func processors(s *model.State, st *model.Step) uint8 {
	if st.All {
		return 1<<s.Processors() - 1
	}
	return 1 << st.CPU
}

// flushedWith takes in the flush that an update by address asks for besides.
func (c *Checker) flushedWith(st *model.Step) (had bool) {
	switch model.UVMF(st.Cmd) {
	case model.UVMFFlush:
		return c.flushed(processors(c.s, st), nil, true)
	case model.UVMFInvlpg:
		return c.flushed(processors(c.s, st), &st.VA, true)
	}
	return false
}

// freedUnflushed judges a frame that is given back: nobody may still reach it.
func (c *Checker) freedUnflushed(st *model.Step) result {
	for n := range c.calls {
		for i := range c.calls[n].late {
			if u := &c.calls[n].late[i]; !u.reused && c.s.L.Map.Frame(c.s.L.Names(u.old)) == st.Frame {
				return c.fail(u.detail(c.s).WithFrame(st.Frame))
			}
		}
	}
	return silent
}

// leftUnflushed judges what is left when a call ends, and what an interrupt has left on a
// processor that is in none.
func (c *Checker) leftUnflushed(st *model.Step) result {
	if c.s.L.Life != nil && c.s.Kernel.Life.CPU[st.CPU].Lazy != model.LazyNone {
		return silent
	}
	for n := range c.calls {
		if n != st.CPU && st.Busy {
			continue
		}
		for i := range c.calls[n].late {
			if u := &c.calls[n].late[i]; c.stillWrong(u) {
				return c.fail(u.detail(c.s))
			}
		}
	}
	return silent
}

// stillWrong reports whether what a processor may have cached of a changed entry is more
// than the entry grants now. One that is what it was again does no harm.
func (c *Checker) stillWrong(u *unflushed) bool {
	if u.reused {
		return true
	}
	now := c.s.Entry(u.geo, u.table, u.slot)
	same := now.Is(model.Present) && c.s.L.Names(now) == c.s.L.Names(u.old) && !c.loses(u.old, now, u.va)
	return !u.empty && !same && c.s.Active() == u.geo
}

func tellUnflushed(v *Violation) string {
	if v.why != "" {
		return v.parts()
	}
	where := "no flush has followed"
	if v.has&partCPU != 0 {
		where += fmt.Sprintf(" on processor %d", v.cpu)
	}
	if !v.was.Is(model.Present) {
		return fmt.Sprintf("address %s is used again, and a processor still has what it led to before: %s; the call ends, and %s", v.page(), v.entry(), where)
	}
	text := fmt.Sprintf("entry %s, for address %s, was %s and is %s", v.slotName(), v.page(), v.EntryText(v.was), v.EntryText(v.is))
	if v.has&partFrame != 0 {
		return fmt.Sprintf("%s is given back; %s, and %s", v.name(v.frame), text, where)
	}
	return text + "; the call ends, and " + where
}

// tracePatience is for how many stores to tables a change may go without a flush: more than
// a pass over all pages of the kernel's image takes.
const tracePatience = 1 << 14

// movedNow is how many stores lie between the end of a mapping and its beginning elsewhere
// when the kernel moves it (mremap): it flushes after both.
const movedNow = 3

// traceFlushed judges an event of a trace.
func traceFlushed(t *Trace, e *TraceEvent) (Detail, result) {
	switch e.Op {
	case TraceEnd:
		return t.neverFlushed()
	case TraceAdopt:
		s := t.stale.pages[t.s.L.Map.MFN(e.Frame)]
		if s == nil || t.stale.clock-s.since <= movedNow {
			return Detail{}, silent
		}
		return s.detail().WithFrame(e.Frame).Because("the frame is a table now, and a processor may still use it as what it was"), broken
	}
	if s := t.overdue(tracePatience); s != nil {
		t.blame = &s.event
		return s.detail().Because("no flush has followed"), broken
	}
	tb := t.tables[e.Frame]
	va, ok := t.address(tb, e.Slot)
	if !ok || !e.New.Is(model.Present) {
		return Detail{}, silent
	}
	s := t.anyStale(staleKey{va, e.Level})
	switch {
	case s == nil || s.why != isGone && s.why != isMoved || s.leaf != t.isLeaf(e.Level, e.New):
		return Detail{}, silent
	case t.s.L.Names(s.old) == t.s.L.Names(e.New):
		return Detail{}, held
	}
	return atEntry(e.Frame, e.Slot, e.New).WithWas(s.old).WithAddress(va).Because("the address leads elsewhere, and a processor may still have the old translation"), broken
}

// overdue takes from the queue the first change that is older than so many stores and must
// have been flushed.
func (t *Trace) overdue(patience uint64) *staleEntry {
	q := &t.stale.queue
	for len(*q) > 0 && (t.stale.clock-(*q)[0].since > patience || (*q)[0].left == 0) {
		s := (*q)[0]
		*q = (*q)[1:]
		if s.left > 0 && s.why != isGone {
			return s
		}
	}
	return nil
}

// neverFlushed judges what is left when the recording ends.
func (t *Trace) neverFlushed() (Detail, result) {
	s := t.overdue(lastMoments)
	if s == nil {
		return Detail{}, held
	}
	t.blame = &s.event
	return s.detail().Because("no flush has followed"), broken
}

// lastMoments is how many stores before the end of a recording a flush may still be missing.
const lastMoments = 64

func (s *staleEntry) detail() Detail {
	return atEntry(s.frame, s.slot, s.now).WithWas(s.old).WithAddress(s.key.va)
}
