package reports

import "fmt"

// layout says where everything in the pictures of a finding lies. It is made
// once from all states, so that nothing moves from one picture to the next:
// tables in columns by level, the root at the left, and all frames of memory in
// a column at the right.
type layout struct {
	boxes  []box
	at     map[string]int // index in boxes, by key
	lanes  []lane
	pages  map[string]float64 // the middle of each frame's row
	pageX  float64
	pageH  float64
	pageW  float64
	boxW   float64
	width  float64
	height float64
	levels map[string]int // the level of a frame in a geometry, where it has one
}

// lane holds the tables that are read in one geometry.
type lane struct {
	geometry string
	y        float64
}

// box is the place of a table of one level.
type box struct {
	frame, geometry string
	level           int
	x, y, h         float64
	rows            []boxRow
}

// boxRow is a slot, or several that are always empty.
type boxRow struct{ first, last int }

// Sizes of a picture, in units of which a letter has about six.
const (
	margin    = 12.0
	rowH      = 17.0
	headH     = 32.0
	laneHead  = 24.0
	columnGap = 64.0 // between columns: room for the arrows
	boxGap    = 14.0 // between the boxes of a column
	letter    = 6.7
	laneSpace = 18.0
)

func boxKey(geometry string, level int, frame string) string {
	return fmt.Sprintf("%s/%d/%s", geometry, level, frame)
}

// newLayout lays out the states of a finding; tables read in the geometry of
// what is wrong come first.
func newLayout(points []point, walks []Walk) *layout {
	l := &layout{at: map[string]int{}, pages: map[string]float64{}, levels: map[string]int{}}
	for _, p := range points {
		for i := range p.state.Tables {
			if t := &p.state.Tables[i]; t.Level > 0 {
				l.levels[t.Geometry+"/"+t.Frame] = t.Level
			}
		}
	}
	used := map[string]map[int]bool{}
	deepest := 1
	for _, p := range points {
		for i := range p.state.Tables {
			t := &p.state.Tables[i]
			level := l.level(t)
			l.collect(used, t, level)
			deepest = max(deepest, level)
		}
	}
	l.measure(points)
	first := ""
	for i := range walks {
		if hops := walks[i].Hops; first == "" && len(hops) > 0 {
			first = hops[0].Geometry
		}
	}
	l.place(used, deepest, first)
	l.placePages(points[0].state, deepest)
	return l
}

// level is the level at which a table is drawn: its own, or, where it is in no
// tree, the one that it has elsewhere on the way; 1 if it never has one.
func (l *layout) level(t *Table) int {
	if t.Level > 0 {
		return t.Level
	}
	return max(1, l.levels[t.Geometry+"/"+t.Frame])
}

// collect makes room for a table and notes which of its slots are ever used.
func (l *layout) collect(used map[string]map[int]bool, t *Table, level int) {
	key := boxKey(t.Geometry, level, t.Frame)
	if _, ok := l.at[key]; !ok {
		l.at[key] = len(l.boxes)
		l.boxes = append(l.boxes, box{frame: t.Frame, geometry: t.Geometry, level: level})
		used[key] = map[int]bool{}
	}
	for i := range t.Entries {
		used[key][t.Entries[i].Slot] = true
	}
	if t.Slots > 0 && (t.Level > 0 || l.levels[t.Geometry+"/"+t.Frame] == 0) {
		used[key][-t.Slots] = true // the size, below zero
	}
}

// measure finds how wide boxes must be.
func (l *layout) measure(points []point) {
	slot, role, page := 0, 0, 14
	for _, p := range points {
		for i := range p.state.Tables {
			t := &p.state.Tables[i]
			digits := len(fmt.Sprint(t.Slots - 1))
			role = max(role, len(t.Role))
			slot = max(slot, len("[..] empty")+2*digits)
			for j := range t.Entries {
				slot = max(slot, len("[] ")+digits+len(t.Entries[j].Text))
			}
		}
		for i := range p.state.Pages {
			g := &p.state.Pages[i]
			page = max(page, len(g.Frame)+max(len(g.Role), len("not handed out"))+3, len(g.Type)+3)
		}
	}
	l.boxW, l.pageW = max(float64(slot)*letter+38, float64(role)*letter+18), float64(page)*letter+16
}

// place stacks the boxes of each lane and level.
func (l *layout) place(used map[string]map[int]bool, deepest int, first string) {
	y := margin
	for _, g := range l.geometries(first) {
		l.lanes = append(l.lanes, lane{g, y})
		bottom := y
		next := map[int]float64{}
		for i := range l.boxes {
			b := &l.boxes[i]
			if b.geometry != g {
				continue
			}
			b.rows = rowsOf(used[boxKey(g, b.level, b.frame)])
			b.h = headH + float64(len(b.rows))*rowH + 4
			b.x = margin + float64(deepest-b.level)*(l.boxW+columnGap)
			if next[b.level] == 0 {
				next[b.level] = y + laneHead
			}
			b.y = next[b.level]
			next[b.level] = b.y + b.h + boxGap
			bottom = max(bottom, b.y+b.h)
		}
		y = bottom + laneSpace
	}
	l.height = y
}

// geometries lists the geometries of all boxes, the given one first.
func (l *layout) geometries(first string) []string {
	var out []string
	seen := map[string]bool{}
	for i := range l.boxes {
		if g := l.boxes[i].geometry; g == first && !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	for i := range l.boxes {
		if g := l.boxes[i].geometry; !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	return out
}

// rowsOf lists the rows of a box: small tables whole, of others the slots that
// are ever used, the rest in between as one row.
func rowsOf(used map[int]bool) []boxRow {
	slots := 0
	for s := range used {
		slots = max(slots, -s, s+1)
	}
	var rows []boxRow
	for s := range slots {
		empty := !used[s] && slots > 4
		if n := len(rows); empty && n > 0 && rows[n-1].last == s-1 && !used[rows[n-1].first] {
			rows[n-1].last = s
			continue
		}
		rows = append(rows, boxRow{s, s})
	}
	return rows
}

// placePages lays out the frames of memory.
func (l *layout) placePages(s *State, deepest int) {
	l.pageX = margin + float64(deepest)*(l.boxW+columnGap)
	l.pageH = 21
	for i := range s.Pages {
		if s.Pages[i].Type != "" {
			l.pageH = 32
		}
	}
	y := margin + laneHead
	for i := range s.Pages {
		l.pages[s.Pages[i].Frame] = y + l.pageH/2
		y += l.pageH + 3
	}
	l.width, l.height = l.pageX+l.pageW+margin, max(l.height, y+margin)
}

// find returns the box of a table, nil if it has none.
func (l *layout) find(geometry string, level int, frame string) *box {
	if i, ok := l.at[boxKey(geometry, level, frame)]; ok {
		return &l.boxes[i]
	}
	return nil
}

// rowY is the middle of a slot's row.
func (b *box) rowY(slot int) float64 {
	for i, r := range b.rows {
		if slot >= r.first && slot <= r.last {
			return b.y + headH + float64(i)*rowH + rowH/2
		}
	}
	return b.y + headH/2
}
