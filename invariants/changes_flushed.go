package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func changesFlushed() Rule {
	return Rule{
		ID:      "changes-flushed",
		Says:    "What a call takes away from the tables in use, or leads elsewhere, is flushed after the change: before the call ends, and before the page concerned is free.",
		Applies: "to entries below CR3 that lose their frame for another one or for none, in the user's part also to those that lose write permission; when the call ends outside lazy sections, and when a frame is given back; in the vmalloc area of a kernel that flushes it lazily, when an address is used again",
		Source:  "Intel SDM vol. 3, 4.10.4; Linux, zap_low_mappings, set_pte_pfn, kpte_clear_flush, tlb_finish_mmu, ptep_clear_flush; db64fe02258f (vmap addresses are flushed before they are used again)",
		Limits:  "judges the processor that made the change; tables that become large pages with the same frames are exempt, and so is what a lazy section leaves to its end; a flush by the hypervisor for its own sake does not count",
		Goal:    "a flush follows a change",
		Tell:    tellUnflushed,
		check:   checkFlushed,
		trace: &traceRule{
			applies: "to entries in use that lose their page, lead elsewhere or grant less: before their address leads to another page, before the table or page that they named is a table, and, unless they are only gone, before the kernel has gone on for long; natively",
			limits:  "what no processor can have cached, because the entry was never marked as accessed, is left out; a load of CR3 counts as a flush even where it keeps translations (PCID)",
			ops:     []TraceOp{TraceStore, TraceAdopt, TraceEnd},
			check:   traceFlushed,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpStore, model.OpEmulate, model.OpClearPage, model.OpLoadCR3, model.OpMMUUpdate,
			model.OpUpdateVA, model.OpNewBaseptr, model.OpFlush, model.OpInvlpg, model.OpFree, model.OpCallEnd},
	}
}

// unflushed is a change of an entry in use that processors may not have seen.
type unflushed struct {
	table model.Frame
	slot  int
	level int
	va    model.VA
	geo   *model.Geometry
	old   model.Entry
	// empty says that nothing was mapped through the table that the entry named: a
	// processor may hold no more than the way to it.
	empty bool
	// reused says that the address was used before, by way of an entry that is gone, and
	// that a processor still has the translation.
	reused bool
}

// lazilyFlushed reports whether an address is one that the kernel flushes when it is used
// again, not when it is given up.
func (c *Checker) lazilyFlushed(va model.VA) bool {
	life := c.s.L.Life
	return life != nil && life.LazyVmap && va == life.Vmalloc
}

// cachedElsewhere reports whether a processor has a page cached that a leaf leads
// elsewhere.
func (c *Checker) cachedElsewhere(page model.VA, leaf model.Entry) bool {
	for n := range c.s.Processors() {
		for t := range c.s.TLBOf(n).Each {
			if t.Page == page && t.Frame != c.s.L.Map.Frame(c.s.L.Names(leaf)) {
				return true
			}
		}
	}
	return false
}

func checkFlushed(c *Checker, st *model.Step) result {
	m := c.call
	switch st.Op {
	case model.OpFlush, model.OpLoadCR3, model.OpNewBaseptr:
		if st.Errno != model.OK {
			return silent
		}
		had := c.flushed(m, nil)
		if st.Op == model.OpFlush && st.All {
			c.flushed(&c.calls[0], nil)
			c.flushed(&c.calls[1], nil)
		}
		if had {
			return held
		}
		return silent
	case model.OpInvlpg:
		had := c.flushed(m, &st.VA)
		if st.All {
			c.flushed(&c.calls[0], &st.VA)
			c.flushed(&c.calls[1], &st.VA)
		}
		if had {
			return held
		}
		return silent
	case model.OpFree:
		for i := range m.late {
			if u := &m.late[i]; !u.reused && c.s.L.Map.Frame(c.s.L.Names(u.old)) == st.Frame {
				return c.fail(u.detail(c.s).WithFrame(st.Frame))
			}
		}
		return silent
	case model.OpCallEnd:
		return c.leftUnflushed(st)
	}
	for i := range c.trees.edits {
		c.noteUnflushed(&c.trees.edits[i])
	}
	return silent
}

// noteUnflushed remembers a change after which a cached translation is wrong.
func (c *Checker) noteUnflushed(e *edit) {
	if e.trees&inActive == 0 {
		return
	}
	g := c.trees.active.geo
	in := tableOf(c.s, g, e.table, e.level)
	va := c.trees.active.address(e.table, e.level, e.slot)
	if !e.old.Is(model.Present) {
		if e.level == 1 && e.now.Is(model.Present) && c.lazilyFlushed(va) && c.cachedElsewhere(va, e.now) {
			c.call.late = append(c.call.late, unflushed{table: e.table, slot: e.slot, level: 1, va: va, geo: g, reused: true})
		}
		return
	}
	wasLeaf, isLeaf := in.isLeaf(e.old), in.isLeaf(e.now)
	loses := e.old.Is(model.RW) && !e.now.Is(model.RW) && va < c.s.L.Kernel.PageOffset
	switch {
	case !e.now.Is(model.Present):
		if e.level == 1 && c.lazilyFlushed(va) {
			return
		}
	case wasLeaf != isLeaf:
		return
	case c.s.L.Names(e.old) == c.s.L.Names(e.now) && !loses:
		return
	}
	c.call.late = append(c.call.late, unflushed{table: e.table, slot: e.slot, level: e.level, va: va, geo: g, old: e.old,
		empty: !wasLeaf && !in.mapsThrough(e.slot, e.old)})
}

// flushed forgets the changes that a flush covers: of one page, or all for nil. It
// reports whether there were any.
func (c *Checker) flushed(m *callMemory, page *model.VA) (had bool) {
	if page == nil {
		had, m.late = len(m.late) > 0, m.late[:0]
		return had
	}
	kept := m.late[:0]
	for _, u := range m.late {
		if c.covers(&u, *page) {
			had = true
		} else {
			kept = append(kept, u)
		}
	}
	m.late = kept
	return had
}

// covers reports whether the flush of a page is enough for a change. A table may be
// reached by several addresses: what counts is that the page is translated by the
// entry.
func (c *Checker) covers(u *unflushed, page model.VA) bool {
	if u.level > 1 {
		return !u.wide() && page-u.va < u.geo.Span(u.level)
	}
	m, _ := resolve(c.s, u.geo, c.s.CPU.CR3, page)
	return u.slot == u.geo.Index(page, 1) && (m.table == u.table || u.va == page&^(model.PageSize-1))
}

// wide reports whether an entry stands for several translations, which the flush of
// one page does not cover.
func (u *unflushed) wide() bool { return !u.empty && !u.old.Is(model.PSE) }

// leftUnflushed judges what is left when a call ends. An entry that is what it was
// again does no harm.
func (c *Checker) leftUnflushed(st *model.Step) result {
	if c.s.L.Life != nil && c.s.Kernel.Life.CPU[st.CPU].Lazy != model.LazyNone {
		return silent
	}
	for i := range c.call.late {
		u := &c.call.late[i]
		now := c.s.Entry(u.geo, u.table, u.slot)
		if u.reused {
			return c.fail(u.detail(c.s))
		}
		same := now.Is(model.Present) && c.s.L.Names(now) == c.s.L.Names(u.old) && (now.Is(model.RW) || !u.old.Is(model.RW) || u.va >= c.s.L.Kernel.PageOffset)
		if u.empty || same || c.s.Active() != u.geo {
			continue
		}
		return c.fail(u.detail(c.s))
	}
	return silent
}

// detail points at the changed entry.
func (u *unflushed) detail(s *model.State) Detail {
	return atEntry(u.table, u.slot, s.Entry(u.geo, u.table, u.slot)).WithWas(u.old).WithAddress(u.va)
}

func tellUnflushed(v *Violation) string {
	if v.why != "" {
		return v.parts()
	}
	if !v.was.Is(model.Present) {
		return fmt.Sprintf("address %s is used again, and a processor still has what it led to before: %s; the call ends, and no flush has followed", v.page(), v.entry())
	}
	text := fmt.Sprintf("entry %s, for address %s, was %s and is %s", v.slotName(), v.page(), v.EntryText(v.was), v.EntryText(v.is))
	if v.has&partFrame != 0 {
		return fmt.Sprintf("%s is given back; %s, and no flush has followed", v.name(v.frame), text)
	}
	return text + "; the call ends, and no flush has followed"
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
