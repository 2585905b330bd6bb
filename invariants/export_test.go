package invariants

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// View is the checker's view of memory, for tests.
type View struct{ v view }

// Reset counts anew.
func (w *View) Reset(s *model.State) { w.v.reset(s, false) }

// Apply takes in one step.
func (w *View) Apply(s *model.State, st *model.Step) { w.v.apply(s, st, s.AppendWrites(nil)) }

// Uses is the number of references that make a frame a level-n table.
func (w *View) Uses(f model.Frame, level int) int { return int(w.v.uses[f][level]) }

// Writable is the number of writable mappings of a frame.
func (w *View) Writable(f model.Frame) int { return int(w.v.writable[f]) }

// Bad is the number of frames that are a table and mapped writable.
func (w *View) Bad() int { return w.v.bad }

// Difference says in what two views differ.
func (w *View) Difference(o *View) string {
	for f := range w.v.uses {
		if w.v.uses[f] != o.v.uses[f] || w.v.writable[f] != o.v.writable[f] {
			return fmt.Sprintf("frame %d is used %v times by level and mapped writable %d times, recounted %v and %d",
				f, w.v.uses[f], w.v.writable[f], o.v.uses[f], o.v.writable[f])
		}
	}
	if w.v.bad != o.v.bad {
		return fmt.Sprintf("%d frames are bad, recounted %d", w.v.bad, o.v.bad)
	}
	return ""
}

// Resolved is what the rules' own walk finds.
type Resolved struct {
	Frame, Table model.Frame
	Level, Slot  int
	Leaf         model.Entry
	Writable     bool
}

// Resolve is the rules' own walk.
func Resolve(s *model.State, g *model.Geometry, root model.Frame, va model.VA) (Resolved, bool) {
	m, ok := resolve(s, g, root, va)
	return Resolved{m.frame, m.table, m.level, m.slot, m.leaf, m.writable}, ok
}

// Walker resolves addresses one after the other; what it returns says where they lead, and
// whether the plain walk says the same.
func Walker(s *model.State, g *model.Geometry, root model.Frame) func(va model.VA) (level int, ok, same bool) {
	w := walker{s: s, g: g, root: root}
	return func(va model.VA) (int, bool, bool) {
		m, ok := w.resolve(va)
		plain, also := resolve(s, g, root, va)
		return m.level, ok, *m == plain && ok == also
	}
}

// Pages are the translations of a snapshot.
func (n *Snapshot) Pages() map[model.VA]model.Frame {
	out := make(map[model.VA]model.Frame, len(n.pages))
	for _, p := range n.pages {
		out[p.va] = p.frame
	}
	return out
}

// Enlarge has the checker work as on a machine of many frames.
func (c *Checker) Enlarge() { c.enlarged = true }

// Enlarge has the judge work as on a machine of many frames, from a state on.
func (j *GuestJudge) Enlarge(s *model.State) {
	j.recount.begin(s)
	j.Follow(s)
}

// Work is how many frames and entries the judge has looked at, but for those of states.
func (j *GuestJudge) Work() uint64 { return j.recount.ledger.Work }

// Looked is the number of frames that the last state was judged by.
func (j *GuestJudge) Looked() int { return len(j.recount.look) }

// Miscount says in what the count that the judge keeps of a state differs from a census,
// and whether a frame is used as two types of table.
func (j *GuestJudge) Miscount(s *model.State) (clash bool, difference string) {
	var c model.Census
	c.Take(s)
	for f := range c.Tallies {
		if a, b, yes := j.recount.ledger.Clash(model.Frame(f)); yes && a.Level() > 0 && b.Level() > 0 {
			return true, ""
		}
	}
	if f, _, _ := c.Clash(); f != model.NoFrame {
		return false, ""
	}
	for f := range c.Tallies {
		if c.Tallies[f] != j.recount.census.Tallies[f] {
			return false, fmt.Sprintf("frame %d is %+v, kept %+v", f, c.Tallies[f], j.recount.census.Tallies[f])
		}
	}
	return false, ""
}

// Work is how many pages, tables and entries the checker has looked at, of those whose
// number may grow with memory.
func (c *Checker) Work() uint64 {
	n := c.pages + c.trees.kernel.work + c.trees.active.work
	if c.recount.ledger != nil {
		n += c.recount.ledger.Work
	}
	return n
}

// Large reports whether the checker takes memory for large.
func (c *Checker) Large() bool { return c.large }

// Verdicts are the rules about states that a state breaks, by their IDs.
func (j *GuestJudge) Verdicts(s *model.State) (broken []string) {
	j.count(s)
	for i := range j.rules {
		if g := &j.rules[i].guest; g.state != nil {
			if _, ok := g.state(&j.recount); !ok {
				broken = append(broken, j.rules[i].ID)
			}
		}
	}
	return broken
}

// Places compares the tables that two checkers know of, with their levels, and reports
// whether they agree where each one is: for a table at several places that is a matter of
// the order in which they came.
func (c *Checker) Places(o *Checker) (same bool, difference string) {
	same = true
	for i, t := range [...]*tree{&c.trees.kernel, &c.trees.active} {
		u := [...]*tree{&o.trees.kernel, &o.trees.active}[i]
		for f := range t.roles {
			if t.roles[f]&^special != u.roles[f]&^special {
				return false, fmt.Sprintf("frame %d serves as %#x and as %#x", f, t.roles[f], u.roles[f])
			}
			same = same && (t.roles[f] == 0 || t.base[f] == u.base[f] && t.roles[f] == u.roles[f])
		}
	}
	return same, ""
}

// Forgetful has the checker keep nothing of what hangs on roots until it begins anew.
func (c *Checker) Forgetful() { c.memo.on = false }

// Misremembers says what the checker keeps of a frame as a table that is not what hangs on
// it, and how much it keeps.
func (c *Checker) Misremembers() (known int, difference string) {
	read, recalled := looked{}, looked{}
	for f := range model.Frame(c.s.L.Map.Frames()) {
		for level := 1; level <= c.s.L.Geo.Levels; level++ {
			if c.memo.find(f, level) == nil {
				continue
			}
			known++
			t := tableOf(c.s, c.s.L.Geo, f, level)
			read.from(c)
			read.table(t)
			recalled.from(c)
			recalled.recall(t)
			for i, a := range [...]*marks{&read.tables, &read.pages, &read.writable, &read.kmapped} {
				b := [...]*marks{&recalled.tables, &recalled.pages, &recalled.writable, &recalled.kmapped}[i]
				if a.low != b.low {
					return known, fmt.Sprintf("frame %d at level %d, set %d: %x hangs on it, kept %x", f, level, i, a.low, b.low)
				}
			}
		}
	}
	return known, ""
}

// Miscounts says in what the view and the trees differ from those of another checker.
func (c *Checker) Miscounts(o *Checker) string {
	if c.s.L.Hyper != nil {
		a, b := View{c.view}, View{o.view}
		if d := a.Difference(&b); d != "" {
			return d
		}
		if !slices.Equal(c.view.pins, o.view.pins) || c.view.roots != o.view.roots || !slices.Equal(c.view.linear, o.view.linear) {
			return "the roots or the linear entries differ"
		}
	}
	for i, t := range [...]*tree{&c.trees.kernel, &c.trees.active, &c.trees.other} {
		u := [...]*tree{&o.trees.kernel, &o.trees.active, &o.trees.other}[i]
		if i == 2 && c.s.Processors() == 1 {
			break
		}
		if t.geo != u.geo || t.root != u.root || t.low != u.low || !slices.Equal(t.roles, u.roles) || !slices.Equal(t.tables, u.tables) {
			return fmt.Sprintf("tree %d differs", i)
		}
		for _, f := range t.tables {
			if t.base[f] != u.base[f] {
				return fmt.Sprintf("tree %d: frame %d begins at %#x and at %#x", i, f, t.base[f], u.base[f])
			}
		}
	}
	return ""
}

// Besides says of a slot that the active tree hides, or one that it does not, whether it was
// forgotten, or is one too many, among the addresses that lie besides the tree; it counts the
// hidden ones.
func (c *Checker) Besides() (hidden int, difference string) {
	t := &c.trees.active
	d := t.besides(c.s.L)
	look := func(level, slot int, base model.VA, special bool) {
		at := base + model.VA(slot)*t.geo.Span(level)
		in := d.from <= at && at+t.geo.Span(level) <= d.to
		hides := t.hides(c.s.L, level, slot, special)
		if hides {
			hidden++
		}
		if hides != in {
			difference = fmt.Sprintf("slot %d of level %d at %#x is hidden: %t; the tree leaves out %#x to %#x", slot, level, at, hides, d.from, d.to)
		}
	}
	g := t.geo
	for slot := range g.Slots[g.Levels] {
		look(g.Levels, slot, 0, false)
	}
	if c.s.L.PAESpecial() {
		last := g.Slots[g.Levels] - 1
		for slot := range g.Slots[g.Levels-1] {
			look(g.Levels-1, slot, model.VA(last)*g.Span(g.Levels), true)
		}
	}
	return hidden, difference
}

// AskAll has the checker ask every rule at each step, whatever the rule heeds.
func (c *Checker) AskAll() { c.asksAll = true }

// Heeds reports whether the rule is asked after some of the steps that store only.
func (r *Rule) Heeds() bool { return r.heeds != 0 }

// Leads are where the addresses of the active tree lead that belong to it, and with which
// rights, page by page.
func (c *Checker) Leads() (out []Lead) {
	t := &c.trees.active
	d := t.besides(c.s.L)
	for at := model.VA(0); at < 1<<t.geo.VABits(); at += model.PageSize {
		x := Lead{at: at}
		if at < d.from || at >= d.to {
			var m mapping
			if m, x.ok = resolve(c.s, t.geo, t.root, t.geo.Wrap(at)); x.ok {
				x.frame, x.writable, x.user, x.noExec = m.frame, m.writable, m.user, m.noExec
			}
		}
		out = append(out, x)
	}
	return out
}

// Lead is where an address leads.
type Lead struct {
	at                         model.VA
	frame                      model.Frame
	ok, writable, user, noExec bool
}

// Unnoted is the first address that leads elsewhere than it did without being noted, among those
// of the last step or since the last call ended; dirt is how many differ.
func (c *Checker) Unnoted(was, now []Lead, step bool) (dirt int, text string) {
	spans := c.trees.active.changed(c.s, step)
	for i := range now {
		if len(was) == len(now) && was[i] == now[i] {
			continue
		}
		dirt++
		if !slices.ContainsFunc(spans, func(d span) bool { return d.from <= now[i].at && now[i].at < d.to }) {
			return dirt, fmt.Sprintf("%+v, and not in %x", now[i], spans)
		}
	}
	return dirt, ""
}

// Foreign are the cached translations outside the direct map and the kmap area, found by ranges
// of addresses, and one by one.
func (c *Checker) Foreign(tlb *model.TLB) (found, all []model.Cached) {
	c.eachForeign(tlb, func(t model.Cached) bool { found = append(found, t); return true })
	for t := range tlb.Each {
		if c.foreign(t.Page) {
			all = append(all, t)
		}
	}
	return found, all
}

// Once merges the frames of tables that two trees have gained, as the trees do and plainly.
func Once(first, second []model.Frame) (merged, plain []string) {
	places := func(frames []model.Frame, trees uint8) (out []place) {
		for _, f := range frames {
			out = append(out, place{f / 4, int(f % 4), trees})
		}
		return out
	}
	text := func(list []place) (out []string) {
		for _, p := range list {
			out = append(out, fmt.Sprint(p))
		}
		return out
	}
	a, b := places(first, inKernel), places(second, inActive)
	all := slices.Clone(a)
	for _, p := range b {
		if i := slices.IndexFunc(all, p.same); i >= 0 {
			all[i].trees |= p.trees
		} else {
			all = append(all, p)
		}
	}
	rest := once(a, b)
	return append(text(a), text(rest)...), text(all)
}
