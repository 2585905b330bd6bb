package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// Witness is what was noted of a run besides its steps; either may be nil.
type Witness struct {
	Log  *StepLog
	Refs *RefLog
}

// mostMappings is how many entries that name a frame a report tells.
const mostMappings = 8

// causes finds what led to a finding. The calls of its report say who made which entry.
type causes struct {
	s     *model.State
	f     *reports.Finding
	w     Witness
	told  map[entryAt]bool
	about map[model.Frame]bool // the frames that the finding is about
}

// entryAt is a slot of a table.
type entryAt struct {
	table model.Frame
	slot  int
}

// explain adds the causes of a broken rule to its report: who made the entry that is wrong
// and the others that name the frame concerned, held-back updates among them, reads that
// were out of date, and, if the rule is about counts, who moved those of the frame.
func explain(f *reports.Finding, v *invariants.Violation, roots []TreeRoot, w Witness) {
	c := newCauses(v.State, f, w)
	table, slot, entry := v.Place()
	if entry {
		c.about[table] = true
		c.entry(roots, table, slot)
	}
	if frame, ok := v.Frame(); ok && v.State.L.Map.IsGuest(frame) {
		c.about[frame] = true
		c.mappings(roots, frame)
		if v.Rule.Counts && w.Refs != nil {
			f.Causes = append(f.Causes, w.Refs.moves(v.State, frame)...)
		}
	}
	c.waiting()
	c.stale()
}

// ExplainCrash adds the causes of a crash: who made the entries that stood in its way.
func ExplainCrash(f *reports.Finding, s *model.State, roots []TreeRoot, w Witness) {
	c := newCauses(s, f, w)
	for i := range f.Walks {
		for _, h := range f.Walks[i].Hops {
			if frame, err := (KernelNames{}).Frame(s, h.Frame); err == nil {
				c.about[frame] = true
				if h.Wrong {
					c.entry(roots, frame, h.Slot)
				}
			}
		}
	}
	if w.Log != nil && w.Log.carried != nil {
		c.held(w.Log.carried)
	}
	c.waiting()
	c.stale()
}

func newCauses(s *model.State, f *reports.Finding, w Witness) *causes {
	return &causes{s: s, f: f, w: w, told: map[entryAt]bool{}, about: map[model.Frame]bool{}}
}

// entry tells who made an entry, and what it does.
func (c *causes) entry(roots []TreeRoot, table model.Frame, slot int) {
	for _, r := range roots {
		found := false
		c.visit(r, r.frame, r.level, 0, func(n named) {
			if !found && n.table == table && n.slot == slot {
				found = true
				c.tell(n, r)
			}
		})
		if found {
			return
		}
	}
}

// mappings tells who made the entries that name a frame: those outside the direct map
// first, and last those that only a pin holds on to, of which nobody knows the address.
func (c *causes) mappings(roots []TreeRoot, frame model.Frame) {
	for _, class := range [...]struct{ pinned, direct bool }{{false, false}, {false, true}, {true, false}} {
		for _, r := range roots {
			if r.name == pinnedName != class.pinned {
				continue
			}
			c.visit(r, r.frame, r.level, 0, func(n named) {
				if n.holds(c.s.L, frame) && n.direct(c.s.L, frame) == class.direct && len(c.told) < mostMappings {
					c.tell(n, r)
				}
			})
		}
	}
}

// named is an entry that names something, where it was found.
type named struct {
	entryAt
	geo   *model.Geometry
	level int
	leaf  bool
	e     model.Entry
	va    model.VA // where what it maps begins
}

// holds reports whether the entry names a frame.
func (n *named) holds(l *model.Layout, f model.Frame) bool {
	pages := model.MFN(1)
	if n.leaf {
		pages = model.MFN(n.geo.Span(n.level) / model.PageSize)
	}
	return l.Map.MFN(f)/pages == n.e.MFN()/pages
}

// direct reports whether it is the direct map's entry for a frame.
func (n *named) direct(l *model.Layout, f model.Frame) bool {
	return n.leaf && model.PFN(f) < l.Kernel.MaxLowPFN && l.PA(n.va).PFN() == model.PFN(f)
}

// visit shows the entries of a tree that name something.
func (c *causes) visit(r TreeRoot, f model.Frame, level int, base model.VA, see func(n named)) {
	if !c.s.L.Map.IsGuest(f) {
		return
	}
	g := r.geo
	for i := range g.Slots[level] {
		e := c.s.Entry(g, f, i)
		kind := entryKind(c.s, g, level, i, e)
		n := named{entryAt{f, i}, g, level, kind != reports.TableEntry, e, g.Wrap(base + model.VA(i)*g.Span(level))}
		switch kind {
		case reports.PageEntry, reports.LargeEntry:
			see(n)
		case reports.TableEntry:
			see(n)
			if to := c.s.L.Map.Frame(e.MFN()); to != f { // not a table that names itself
				c.visit(r, to, level-1, base+model.VA(i)*g.Span(level), see)
			}
		}
	}
}

// tell adds who made an entry, once.
func (c *causes) tell(n named, r TreeRoot) {
	if c.told[n.entryAt] {
		return
	}
	c.told[n.entryAt] = true
	l := c.s.L
	to := "something else"
	if f := l.Map.Frame(n.e.MFN()); f != model.NoFrame {
		to = FrameName(l, f)
	}
	what := fmt.Sprintf("%s[%d] = %s, which maps %s", FrameName(l, n.table), n.slot, EntryText(l, n.e), to)
	if !n.leaf {
		what = fmt.Sprintf("%s[%d] = %s, which has %s as L%d", FrameName(l, n.table), n.slot, EntryText(l, n.e), to, n.level-1)
	}
	if r.level == n.geo.Levels {
		what += fmt.Sprintf(" at %#x", uint64(n.va))
	}
	cause := reports.Cause{What: what + " under " + c.whose(r)}
	stack := c.maker(n.entryAt, &cause)
	c.add(cause, stack)
	if log := c.w.Log; log != nil {
		if h := log.heldAt(cause.Call, cause.Step); h != nil {
			c.held(h)
		}
	}
}

// add adds a cause with the code that a stack shows.
func (c *causes) add(x reports.Cause, stack []reports.Site) {
	if c.w.Log != nil {
		stack = c.w.Log.Trail.Callers(stack)
	}
	c.f.Causes = append(c.f.Causes, x.By(stack))
}

// whose names a root: as the process's, if it is one's.
func (c *causes) whose(r TreeRoot) string {
	for _, p := range processRoots(c.s) {
		if p.frame == r.frame {
			return rootText(p)
		}
	}
	return rootText(r)
}

// maker finds the step that stored an entry last, and the code that did: no call if it has
// been there from the start of the day on.
func (c *causes) maker(at entryAt, out *reports.Cause) (stack []reports.Site) {
	frame := FrameName(c.s.L, at.table)
	for i := len(c.f.Calls) - 1; i >= 0; i-- {
		call := &c.f.Calls[i]
		for j := len(call.Steps) - 1; j >= 0; j-- {
			for _, x := range call.Steps[j].Changes {
				if x.Frame != frame || x.Slot != at.slot {
					continue
				}
				out.Call, out.Step = i+1, j+1
				if len(call.Steps[j].Stack) == 0 && call.Site != nil {
					return []reports.Site{*call.Site}
				}
				return call.Steps[j].Stack
			}
		}
	}
	return nil
}

// held tells who held an update back.
func (c *causes) held(h *heldBack) {
	what := fmt.Sprintf("the update of %s[%d] to %s was held back", FrameName(c.s.L, h.frame), h.slot, EntryText(c.s.L, h.entry))
	c.add(reports.Cause{What: what, Call: h.call, Step: h.step}, h.stack)
}

// waiting tells who held back what is held back still.
func (c *causes) waiting() {
	if c.w.Log == nil {
		return
	}
	for i := range c.w.Log.held {
		c.held(&c.w.Log.held[i])
	}
}

// stale tells reads that were out of date when their reader went on: those that are about
// the finding's own frames, or the last one of all.
func (c *causes) stale() {
	if c.w.Log == nil {
		return
	}
	list := c.w.Log.staleReads()
	var mine []staleRead
	for _, r := range list {
		if c.about[r.frame] || c.about[c.s.L.Map.Frame(r.value.MFN())] {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 && len(list) > 0 {
		mine = list[len(list)-1:]
	}
	for _, r := range mine[max(0, len(mine)-mostStale):] {
		c.add(reports.Cause{What: r.text(c.s.L), Call: len(c.f.Calls), Step: r.step}, c.w.Log.Trail.Noted(r.stack, r.abroad))
	}
}

// mostStale is how many reads that were out of date a report tells.
const mostStale = 3
