package invariants

import "github.com/ptcheck/ptcheck/model"

// tree says which frames serve as tables below one root, and where. It is read
// from raw memory and then follows the words that steps change. Slots of the
// hypervisor do not belong to it.
type tree struct {
	geo  *model.Geometry // nil: there is no tree
	root model.Frame
	low  int // root slots below it do not count
	// roles[f] has bit n set where frame f serves as a level-n table, and bit 0
	// where it is the PAE L2 that carries the hypervisor's slots.
	roles []uint8
	// base[f] is the address of slot 0 of the table: of its place in the direct map
	// if it has one, else of the first that was found.
	base   []model.VA
	tables []model.Frame // the frames with a role
	was    []uint8       // scratch of reread: the roles before
	before []model.Frame // and the frames that had one
	// stale says that an entry has lost its table, so that roles may be too many.
	stale bool
	// counted says that it is a tree of a large memory.
	counted bool
	counts
}

const special uint8 = 1 // the bit of roles for the L2 with the hypervisor's slots

// resize makes room for n frames and forgets the tree.
func (t *tree) resize(n int, counted bool) {
	t.newPeriod()
	t.period++
	t.newPeriod()
	t.since = t.period // what was due to be looked at is not any more
	if counted && len(t.refs) < n {
		t.refs, t.up, t.at = make([][model.MaxLevels + 1]uint32, n), make([]entryPlace, n), make([]int32, n)
	}
	if cap(t.roles) < n {
		t.roles, t.was, t.base = make([]uint8, n), make([]uint8, n), make([]model.VA, n)
		t.tables = t.tables[:0]
	}
	t.clear()
	t.counted = counted
	t.roles, t.was, t.base = t.roles[:n], t.was[:n], t.base[:n]
	t.geo, t.root, t.low = nil, model.NoFrame, 0
}

// clear takes all roles away.
func (t *tree) clear() {
	t.asked = place{}
	for _, f := range t.tables {
		t.roles[f] = 0
		if t.counted {
			t.refs[f] = [model.MaxLevels + 1]uint32{}
		}
	}
	t.tables, t.uppers, t.stale = t.tables[:0], t.uppers[:0], false
}

// has reports whether a frame is a table of the tree.
func (t *tree) has(f model.Frame) bool { return f >= 0 && t.roles[f]&^special != 0 }

// hides reports whether a slot of a table is no part of the tree.
func (t *tree) hides(l *model.Layout, level, slot int, isSpecial bool) bool {
	return l.XenSlot(level, slot, isSpecial) || level == t.geo.Levels && slot < t.low
}

// address is where the memory that a slot maps begins.
func (t *tree) address(f model.Frame, level, slot int) model.VA {
	return t.geo.Wrap(t.base[f] + model.VA(slot)*t.geo.Span(level))
}

// table reads a frame of the tree as a table of a level.
func (t *tree) table(s *model.State, f model.Frame, level int) table {
	x := tableOf(s, t.geo, f, level)
	x.special = t.roles[f]&special != 0
	if level == t.geo.Levels {
		x.first = t.low
	}
	return x
}

// place is a table with the level at which it has come into a tree.
type place struct {
	frame model.Frame
	level int
	trees uint8
}

// reread reads the tree anew. Tables that it did not have before are added to
// gained.
func (t *tree) reread(s *model.State, gained []place, as uint8) []place {
	t.forgetWays()
	for _, f := range t.tables {
		t.was[f], t.roles[f] = t.roles[f], 0
		if t.counted {
			t.refs[f] = [model.MaxLevels + 1]uint32{}
		}
	}
	t.tables, t.before, t.uppers, t.stale = t.before[:0], t.tables, t.uppers[:0], false
	switch {
	case t.geo == nil:
	case t.counted:
		gained = t.enter(s, t.root, t.geo.Levels, 0, false, entryPlace{model.NoFrame, 0}, gained, as)
	default:
		gained = t.add(s, t.root, t.geo.Levels, 0, false, gained, as)
	}
	for _, f := range t.before {
		t.was[f] = 0
		if t.counted && t.roles[f] == 0 {
			t.gone = append(t.gone, f)
		}
	}
	return gained
}

// add enters a table and what hangs on it. This and [view] are what rules look at instead
// of walking themselves; they are read anew for each transition, and have loops of their
// own.
func (t *tree) add(s *model.State, f model.Frame, level int, base model.VA, isSpecial bool, gained []place, as uint8) []place {
	if !s.L.Map.IsGuest(f) {
		return gained
	}
	bit := uint8(1) << level
	if t.roles[f] == 0 {
		t.tables = append(t.tables, f)
		t.base[f] = base
	}
	switch direct := t.direct(s.L, base, level); {
	case t.roles[f]&bit == 0:
		t.roles[f] |= bit
		if t.was[f]&bit == 0 && as != 0 {
			gained = append(gained, place{f, level, as})
		}
		if direct {
			t.base[f] = base
		}
	case direct && t.base[f] != base && !t.direct(s.L, t.base[f], level):
		t.base[f] = base
	default:
		return gained
	}
	if isSpecial {
		t.roles[f] |= special
	}
	if level == 1 || s.Empty(f) {
		return gained
	}
	for i := range t.geo.Slots[level] {
		e := s.Entry(t.geo, f, i)
		if e&model.Present == 0 || t.hides(s.L, level, i, isSpecial) || largeLeaf(s, t.geo, level, e) {
			continue
		}
		last := level == t.geo.Levels && i == t.geo.Slots[level]-1
		gained = t.add(s, s.L.Map.Frame(s.L.Names(e)), level-1, base+model.VA(i)*t.geo.Span(level), last, gained, as)
	}
	return gained
}

// direct reports whether a table at an address maps a part of low memory's direct
// map.
func (t *tree) direct(l *model.Layout, base model.VA, level int) bool {
	base = t.geo.Wrap(base)
	size := t.geo.Span(level) * model.VA(t.geo.Slots[level])
	return l.PA(base).PFN() < l.Kernel.MaxLowPFN || base <= l.Kernel.PageOffset && l.Kernel.PageOffset < base+size
}
