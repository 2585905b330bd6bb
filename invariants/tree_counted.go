package invariants

import "github.com/ptcheck/ptcheck/model"

// A tree of a large memory is not read anew when an entry loses its table, or when another
// root is loaded that shares most of it: the entries that name each table are counted. A
// table that leaves takes what hangs on it alone along. Besides, the tree notes which
// addresses a step may have led elsewhere. [tree.reread] is the plain way to the same.

// counts are what a tree of a large memory knows besides.
type counts struct {
	// refs[f][n] is the number of entries of the tree that name f as a level-n table; the
	// root has one more.
	refs [][model.MaxLevels + 1]uint32
	// up is the entry that has come last of those that name a table; its table is NoFrame
	// for the root.
	up []entryPlace
	// at is the place of a table in the tree's list, and uppers are those above L1.
	at     []int32
	uppers []model.Frame
	// named are the tables that entries have come to name in this period.
	named []model.Frame
	// gone are the frames that have ceased to be tables of the tree in this period.
	gone []model.Frame
	// dirt are the addresses, not sign-extended, that lead elsewhere than when the period
	// began, perhaps, and fresh those of the last step.
	dirt, fresh []span
	// bases is what [tree.waysTo] has found last: the ways to the table asked, as long as no
	// table has come or gone.
	bases []model.VA
	asked place
	few   bool     // they are all of them
	size  model.VA // what a slot of the table maps
	// run are slots of that table, from one up to another, whose addresses are not yet in
	// dirt: a table is filled slot by slot. edited are the entries that the last step changed,
	// whose addresses are not yet in fresh: few ask for these.
	run    run
	edited []spot
	// work counts the tables and entries that were looked at.
	work uint64
	// period is the number of the period. One ends with each call. Nothing has changed from
	// period since on up to this one.
	period, since uint64
}

// maxNamed bounds the list of tables that have come to be named: more are all of them.
const maxNamed = 1 << 14

// newPeriod forgets what the calls up to now have changed.
func (t *tree) newPeriod() {
	if len(t.dirt)+len(t.named)+len(t.gone)+t.run.to > 0 {
		t.since = t.period + 1
	}
	t.dirt, t.fresh, t.named = t.dirt[:0], t.fresh[:0], t.named[:0]
	t.gone, t.run, t.edited = t.gone[:0], run{}, t.edited[:0]
	t.period++
}

// newStep forgets what the last step has changed.
func (t *tree) newStep() { t.fresh, t.edited = t.fresh[:0], t.edited[:0] }

// enter takes in an entry that names a table, and with the first one of its level what
// hangs on the table.
func (t *tree) enter(s *model.State, f model.Frame, level int, base model.VA, isSpecial bool, from entryPlace, gained []place, as uint8) []place {
	if !s.L.Map.IsGuest(f) {
		return gained
	}
	t.forgetWays()
	t.refs[f][level]++
	t.up[f] = from
	if len(t.named) < maxNamed {
		t.named = append(t.named, f)
	}
	bit := uint8(1) << level
	if isSpecial && t.roles[f] != 0 {
		t.roles[f] |= special
	}
	if t.roles[f]&bit != 0 {
		t.rebase(s, f, level, base)
		return gained
	}
	if t.roles[f] == 0 {
		t.at[f] = int32(len(t.tables))
		t.tables = append(t.tables, f)
		t.base[f] = base
	} else if t.direct(s.L, base, level) {
		t.base[f] = base
	}
	if level > 1 && t.roles[f]&^(special|2) == 0 {
		t.uppers = append(t.uppers, f)
	}
	t.roles[f] |= bit
	if isSpecial {
		t.roles[f] |= special
	}
	if t.was[f]&bit == 0 && as != 0 {
		gained = append(gained, place{f, level, as})
	}
	t.eachChild(s, f, level, func(slot int, child model.Frame, last bool) {
		gained = t.enter(s, child, level-1, base+model.VA(slot)*t.geo.Span(level), last, entryPlace{f, slot}, gained, as)
	})
	return gained
}

// eachChild visits the tables that the entries of a table name.
func (t *tree) eachChild(s *model.State, f model.Frame, level int, visit func(slot int, child model.Frame, last bool)) {
	if level == 1 {
		return
	}
	end := t.geo.Slots[level]
	t.work += uint64(end)
	for i := s.NextUsed(t.geo, f, 0, end); i < end; i = s.NextUsed(t.geo, f, i+1, end) {
		e := s.Entry(t.geo, f, i)
		if e&model.Present == 0 || t.hides(s.L, level, i, t.roles[f]&special != 0) || largeLeaf(s, t.geo, level, e) {
			continue
		}
		visit(i, s.L.Map.Frame(s.L.Names(e)), level == t.geo.Levels && i == end-1)
	}
}

// rebase moves a table, and what hangs on it, to its place in the direct map if it had
// none there.
func (t *tree) rebase(s *model.State, f model.Frame, level int, base model.VA) {
	if !s.L.Map.IsGuest(f) || t.base[f] == base || !t.direct(s.L, base, level) || t.direct(s.L, t.base[f], level) {
		return
	}
	t.forgetWays()
	t.base[f] = base
	t.eachChild(s, f, level, func(slot int, child model.Frame, _ bool) {
		t.rebase(s, child, level-1, base+model.VA(slot)*t.geo.Span(level))
	})
}

// leave takes in that an entry names a table no more. Where the table is not where the
// entries say that are left, the tree is to be read anew.
func (t *tree) leave(s *model.State, f model.Frame, level int, from entryPlace) {
	if !s.L.Map.IsGuest(f) {
		return
	}
	t.forgetWays()
	r := &t.refs[f]
	if r[level]--; r[level] > 0 {
		up := t.up[f]
		last := level == t.geo.Levels-1 && up.slot == t.geo.Slots[t.geo.Levels]-1
		t.stale = t.stale || up == from || r[1]+r[2]+r[3]+r[4] > 1 || t.base[f] != t.below(up, level) || t.roles[f]&special != 0 && !last
		return
	}
	t.roles[f] &^= 1 << level
	left := t.roles[f] &^ special
	if left == 0 {
		t.unlist(f)
		t.gone = append(t.gone, f)
	} else {
		t.stale = true
	}
	t.eachChild(s, f, level, func(slot int, child model.Frame, _ bool) {
		t.leave(s, child, level-1, entryPlace{f, slot})
	})
	if left == 0 {
		t.roles[f] = 0
	}
	if level > 1 && left&^2 == 0 {
		for i, u := range t.uppers {
			if u == f {
				t.uppers[i] = t.uppers[len(t.uppers)-1]
				t.uppers = t.uppers[:len(t.uppers)-1]
				break
			}
		}
	}
}

// unlist takes a table from the list of those of the tree.
func (t *tree) unlist(f model.Frame) {
	last := len(t.tables) - 1
	moved := t.tables[last]
	t.tables[t.at[f]], t.at[moved] = moved, t.at[f]
	t.tables = t.tables[:last]
}

// below is the address of slot 0 of the table of a level that an entry names.
func (t *tree) below(at entryPlace, level int) model.VA {
	if at.table == model.NoFrame {
		return 0
	}
	return t.base[at.table] + model.VA(at.slot)*t.geo.Span(level+1)
}
