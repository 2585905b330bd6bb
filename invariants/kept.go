package invariants

import "github.com/ptcheck/ptcheck/model"

// A search makes many calls from one state. What the checker counts at the beginning of a
// call is then the same each time: it is counted once and comes back.

// kept is what was counted of a state: the view and the trees. What hangs on roots is in the
// memo, see [reachMemo].
type kept struct {
	ready bool
	view  view
	trees trees
}

// Keep keeps what has been counted of the state that the checker has just begun at, for
// [Checker.BeginAgain]. A machine of many frames keeps nothing.
func (c *Checker) Keep() {
	if c.large {
		return
	}
	c.kept.view.copyFrom(&c.view)
	c.kept.trees.copyFrom(&c.trees)
	c.kept.ready = true
}

// BeginAgain is [Checker.BeginAt] for a state that is word for word what it was when Keep
// was called, in the same place. Whoever changes it in another way than by restoring it
// calls BeginAt.
func (c *Checker) BeginAgain(s *model.State, start *Snapshot) {
	if !c.kept.ready || c.s != s {
		c.BeginAt(s, start)
		return
	}
	c.begin(s, start)
	c.view.copyFrom(&c.kept.view)
	c.trees.copyFrom(&c.kept.trees)
	c.memo.begin(s, true, true)
}

// GoOn is [Checker.BeginAt] for a state that is word for word what it was at the last step
// that the checker has looked at, the end of a call: what it has followed up to there goes
// on. The trees are read anew, for where a table is that serves at several places is a
// matter of the order in which these came. So is what an entry of a table's own level
// counts as: with such entries everything is counted anew.
func (c *Checker) GoOn(s *model.State, start *Snapshot) {
	if c.s != s || c.large || c.Violated >= 0 || c.view.lost || len(c.view.linear) > 0 {
		c.BeginAt(s, start)
		return
	}
	c.begin(s, start)
	c.kept.ready, c.view.ended = false, false
	c.trees.reset(s, false)
	c.memo.goOn()
}

// copyFrom makes the view of a small memory another one's.
func (v *view) copyFrom(o *view) {
	if len(v.uses) != len(o.uses) {
		v.resize(len(o.uses))
	}
	copy(v.uses, o.uses)
	copy(v.writable, o.writable)
	copy(v.pins, o.pins)
	v.geo, v.bad, v.roots, v.pinned = o.geo, o.bad, o.roots, o.pinned
	v.linear = append(v.linear[:0], o.linear...)
	v.large, v.ended, v.lost = false, false, false
}

// copyFrom makes the trees those of another, before the first step.
func (t *trees) copyFrom(o *trees) {
	t.kernel.copyFrom(&o.kernel)
	t.active.copyFrom(&o.active)
	t.other.copyFrom(&o.other)
	t.pse, t.counted, t.ended = o.pse, false, false
	t.edits, t.elsewhere, t.gained = t.edits[:0], t.elsewhere[:0], t.gained[:0]
}

// copyFrom makes the tree of a small memory another one.
func (t *tree) copyFrom(o *tree) {
	if len(t.roles) != len(o.roles) {
		t.resize(len(o.roles), false)
	}
	copy(t.roles, o.roles)
	copy(t.base, o.base)
	t.tables = append(t.tables[:0], o.tables...)
	t.geo, t.root, t.low, t.stale, t.counted = o.geo, o.root, o.low, o.stale, false
}
