package invariants

import "github.com/ptcheck/ptcheck/model"

// How the trees of a large memory follow a step; see [counts].

// beginStep forgets the last step, and with the end of a call the call.
func (t *trees) beginStep(st *model.Step) {
	if t.ended {
		t.kernel.newPeriod()
		t.active.newPeriod()
	}
	t.ended = st.Op == model.OpCallEnd
	t.kernel.newStep()
	t.active.newStep()
	t.lost, t.anew = t.lost[:0], 0
}

// ownDirect reports whether a table of a level is the kernel's own of a part of the direct
// map, at the address where that says it is.
func (t *trees) ownDirect(l *model.Layout, f model.Frame, level int, base model.VA) bool {
	k := &t.kernel
	if !k.has(f) || level == l.Geo.Levels || k.geo != l.Geo || k.roles[f]>>level&1 == 0 || k.base[f] != base {
		return false
	}
	first := l.PA(l.Geo.Wrap(base)).PFN()
	last := first + model.PFN(l.Geo.Span(level)/model.PageSize*model.VA(l.Geo.Slots[level])) - 1
	return first <= last && last < l.Kernel.MaxLowPFN
}

// otherRoot makes the active tree that of another root than before: the new one comes
// before the old one goes, so that what both share stays. It leaves it alone, and says so,
// where the step has changed tables of either: what the tree had of them is gone.
func (t *trees) otherRoot(s *model.State, was model.Frame) bool {
	a := &t.active
	if !s.L.Map.IsGuest(was) || !s.L.Map.IsGuest(a.root) {
		return false
	}
	for _, w := range t.stores {
		if a.roles[w.Frame] != 0 || w.Frame == a.root {
			return false
		}
	}
	a.compare(s, was, a.root, a.geo.Levels, 0)
	t.gained = a.enter(s, a.root, a.geo.Levels, 0, false, entryPlace{model.NoFrame, 0}, t.gained, inActive)
	a.leave(s, was, a.geo.Levels, entryPlace{model.NoFrame, -1})
	t.anew |= inActive
	return true
}

// countPointer follows a changed entry above L1, in the trees that have not been read as
// memory is by now.
func (t *trees) countPointer(s *model.State, of *tree, e *edit, had, has bool) {
	was, now := s.L.Map.Frame(s.L.Names(e.old)), s.L.Map.Frame(s.L.Names(e.now))
	if had && has && was == now {
		return
	}
	at := entryPlace{e.table, e.slot}
	last := e.level == of.geo.Levels && e.slot == of.geo.Slots[e.level]-1
	base := of.base[e.table] + model.VA(e.slot)*of.geo.Span(e.level)
	as := e.trees
	for _, in := range [...]uint8{inKernel, inActive} {
		if e.trees&in == 0 || t.anew&in != 0 {
			continue
		}
		if has {
			t.gained = t.of(in).enter(s, now, e.level-1, base, last, at, t.gained, as)
			as = 0 // noted once
		}
		if had {
			t.lost = append(t.lost, lostTable{was, e.level - 1, at, in})
		}
	}
}

// takeLeave lets the tables go that entries have ceased to name.
func (t *trees) takeLeave(s *model.State) {
	for _, l := range t.lost {
		t.of(l.in).leave(s, l.frame, l.level, l.from)
	}
}

// soil notes the addresses that the changed entries lead elsewhere.
func (t *trees) soil(s *model.State) {
	for i := range t.edits {
		e := &t.edits[i]
		t.of(e.trees).soil(s, e.table, e.level, e.slot)
		if e.trees == inBoth {
			t.active.soil(s, e.table, e.level, e.slot)
		}
	}
}
