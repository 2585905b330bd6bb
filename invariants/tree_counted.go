package invariants

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

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
	few   bool // they are all of them
	// work counts the tables and entries that were looked at.
	work uint64
	// period is the number of the period. One ends with each call. Nothing has changed from
	// period since on up to this one.
	period, since uint64
}

// span is a range of addresses: [from, to).
type span struct{ from, to model.VA }

const (
	maxDirt  = 256     // more spans are one
	maxWays  = 64      // a table that is reached in more ways is everywhere
	maxNamed = 1 << 14 // more tables are all of them
)

// newPeriod forgets what the calls up to now have changed.
func (t *tree) newPeriod() {
	if len(t.dirt)+len(t.named)+len(t.gone) > 0 {
		t.since = t.period + 1
	}
	t.dirt, t.fresh, t.named = t.dirt[:0], t.fresh[:0], t.named[:0]
	t.gone = t.gone[:0]
	t.period++
}

// enter takes in an entry that names a table, and with the first one of its level what
// hangs on the table.
func (t *tree) enter(s *model.State, f model.Frame, level int, base model.VA, isSpecial bool, from entryPlace, gained []place, as uint8) []place {
	if !s.L.Map.IsGuest(f) {
		return gained
	}
	t.asked = place{}
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
	t.base[f], t.asked = base, place{}
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
	t.asked = place{}
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

// ways adds to the list of bases the addresses of slot 0 at which a frame serves as a table
// of a level. It gives up, and says so, when there are more than the list is to hold.
func (t *tree) ways(s *model.State, f model.Frame, level int) bool {
	if level == t.geo.Levels {
		if f == t.root {
			t.bases = append(t.bases, 0)
		}
		return len(t.bases) < maxWays
	}
	switch r := &t.refs[f]; {
	case r[level] == 0:
		return true
	case r[1]+r[2]+r[3]+r[4] == 1:
		return t.waysBy(s, t.up[f], level)
	}
	on := true
	for _, u := range t.uppers {
		if t.roles[u]>>(level+1)&1 == 0 {
			continue
		}
		t.eachChild(s, u, level+1, func(slot int, child model.Frame, _ bool) {
			if on && child == f {
				on = t.waysBy(s, entryPlace{u, slot}, level)
			}
		})
	}
	return on
}

// waysBy adds those by way of an entry.
func (t *tree) waysBy(s *model.State, at entryPlace, level int) bool {
	n := len(t.bases)
	on := t.ways(s, at.table, level+1)
	for ; n < len(t.bases); n++ {
		t.bases[n] += model.VA(at.slot) * t.geo.Span(level+1)
	}
	return on
}

// waysTo are the addresses of slot 0 at which a frame serves as a table of a level; few is
// false if they are too many. Who fills a table asks for the same ones again and again.
func (t *tree) waysTo(s *model.State, f model.Frame, level int) (bases []model.VA, few bool) {
	if t.asked.frame != f || t.asked.level != level { // nobody asks for level 0
		t.bases = t.bases[:0]
		t.few, t.asked = t.ways(s, f, level), place{frame: f, level: level}
	}
	return t.bases, t.few
}

// soil notes that what a slot of a table maps may lead elsewhere.
func (t *tree) soil(s *model.State, f model.Frame, level, slot int) {
	bases, few := t.waysTo(s, f, level)
	if !few {
		t.spoilAll()
		return
	}
	size := t.geo.Span(level)
	for _, base := range bases {
		from := base + model.VA(slot)*size
		t.spoil(from, from+size)
	}
}

// spoil notes a range of addresses.
func (t *tree) spoil(from, to model.VA) {
	t.dirt, t.fresh = withSpan(t.dirt, span{from, to}), withSpan(t.fresh, span{from, to})
}

// withSpan adds a range to a list, one that begins where the last one ended together with
// that. What would be too many becomes one.
func withSpan(list []span, d span) []span {
	if n := len(list); n > 0 && list[n-1].from <= d.from && d.from <= list[n-1].to {
		list[n-1].to = max(list[n-1].to, d.to)
		return list
	}
	list = append(list, d)
	if len(list) <= maxDirt {
		return list
	}
	all := list[0]
	for _, d := range list {
		all.from, all.to = min(all.from, d.from), max(all.to, d.to)
	}
	return append(list[:0], all)
}

// changed are the ranges of addresses, ascending, that lead elsewhere since the period
// began, or since the last step.
func (t *tree) changed(step bool) []span {
	d := t.dirt
	if step {
		d = t.fresh
	}
	slices.SortFunc(d, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return d
}

// spoilAll notes all addresses.
func (t *tree) spoilAll() {
	if t.counted && t.geo != nil {
		all := span{0, 1 << t.geo.VABits()}
		t.dirt, t.fresh = append(t.dirt[:0], all), append(t.fresh[:0], all)
	}
}

// compare notes the addresses that another table leads elsewhere than one of the tree, both
// of them at one place.
func (t *tree) compare(s *model.State, a, b model.Frame, level int, base model.VA) {
	if !s.L.Map.IsGuest(a) || !s.L.Map.IsGuest(b) {
		t.spoil(base, base+t.geo.Span(level)*model.VA(t.geo.Slots[level]))
		return
	}
	for slot := range t.geo.Slots[level] {
		x, y := s.Entry(t.geo, a, slot), s.Entry(t.geo, b, slot)
		if (x^y)&^(model.Accessed|model.Dirty|model.Avail) == 0 {
			continue
		}
		from := base + model.VA(slot)*t.geo.Span(level)
		points := level > 2 && x.Is(model.Present) && y.Is(model.Present)
		if points && s.L.Names(x) == s.L.Names(y) {
			continue
		}
		if points {
			t.compare(s, s.L.Map.Frame(s.L.Names(x)), s.L.Map.Frame(s.L.Names(y)), level-1, from)
			continue
		}
		t.spoil(from, from+t.geo.Span(level))
	}
}
