package invariants

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Which addresses lead elsewhere than they did, in a tree of a large memory. What a step
// changes in a table is noted as slots; they become addresses when somebody asks, or before the
// ways to the table change.

// run is a range of slots: [from, to).
type run struct{ from, to int }

// spot is an entry of a table of a level.
type spot struct {
	table model.Frame
	level int
	slot  int
}

// span is a range of addresses: [from, to).
type span struct{ from, to model.VA }

const (
	maxDirt = 256 // more spans are one
	maxWays = 64  // a table that is reached in more ways is everywhere
)

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
		t.forgetWays()
		t.bases = t.bases[:0]
		t.few, t.asked, t.size = t.ways(s, f, level), place{frame: f, level: level}, t.geo.Span(level)
	}
	return t.bases, t.few
}

// forgetWays is called before a table comes or goes.
func (t *tree) forgetWays() {
	t.settle()
	t.asked = place{}
}

// settle adds the run to dirt.
func (t *tree) settle() {
	if t.run.to > 0 {
		t.dirt, t.run = t.withSlots(t.dirt, t.run), run{}
	}
}

// withSlots adds to a list of ranges the addresses of slots of the table asked for.
func (t *tree) withSlots(list []span, r run) []span {
	for _, base := range t.bases {
		list = withSpan(list, span{base + model.VA(r.from)*t.size, base + model.VA(r.to)*t.size})
	}
	return list
}

// soil notes that what a slot of a table maps may lead elsewhere.
func (t *tree) soil(s *model.State, f model.Frame, level, slot int) {
	t.edited = append(t.edited, spot{f, level, slot})
	_, few := t.waysTo(s, f, level)
	switch r := &t.run; {
	case !few:
		t.spoilAll()
	case r.to > 0 && r.from <= slot && slot <= r.to:
		r.to = max(r.to, slot+1)
	default:
		t.settle()
		t.run = run{slot, slot + 1}
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
func (t *tree) changed(s *model.State, step bool) []span {
	t.settle()
	d := t.dirt
	if step {
		t.freshen(s)
		d = t.fresh
	}
	slices.SortFunc(d, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return d
}

// freshen adds the addresses of the entries that the last step has changed.
func (t *tree) freshen(s *model.State) {
	for _, e := range t.edited {
		if _, few := t.waysTo(s, e.table, e.level); !few {
			t.fresh = append(t.fresh[:0], t.everywhere())
			break
		}
		t.fresh = t.withSlots(t.fresh, run{e.slot, e.slot + 1})
	}
	t.edited = t.edited[:0]
}

// everywhere is all addresses.
func (t *tree) everywhere() span { return span{0, 1 << t.geo.VABits()} }

// spoilAll notes all addresses.
func (t *tree) spoilAll() {
	if t.counted && t.geo != nil {
		t.run, t.edited = run{}, t.edited[:0]
		t.dirt, t.fresh = append(t.dirt[:0], t.everywhere()), append(t.fresh[:0], t.everywhere())
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
