package invariants

import "github.com/ptcheck/ptcheck/model"

// table is a frame read as a table. Every loop of a rule over slots is one of its
// visitors; they share no code with the machine's MMU. It is small enough to be passed
// in registers, with two functions.
type table struct {
	s     *model.State
	g     *model.Geometry
	frame model.Frame
	level int
	base  model.VA // the address of slot 0, not sign-extended
	first int      // slots below it do not count
	// special says that it is the PAE L2 that carries the hypervisor's slots.
	special bool
}

// tableOf reads a frame as a table of a level.
func tableOf(s *model.State, g *model.Geometry, f model.Frame, level int) table {
	return table{s: s, g: g, frame: f, level: level}
}

// rootOf reads a frame as a root.
func rootOf(s *model.State, g *model.Geometry, f model.Frame) table {
	return tableOf(s, g, f, g.Levels)
}

// from is the table without its slots below first.
func (t table) from(first int) table {
	t.first = first
	return t
}

// slots visits all slots that are not the hypervisor's, empty ones too.
func (t table) slots(visit func(slot int, e model.Entry) bool) {
	for i := t.first; i < t.g.Slots[t.level]; i++ {
		if !t.s.L.XenSlot(t.level, i, t.special) && !visit(i, t.s.Entry(t.g, t.frame, i)) {
			return
		}
	}
}

// entries visits the slots that hold something and are not the hypervisor's. A table
// outside the model has none.
func (t table) entries(visit func(slot int, e model.Entry) bool) {
	if t.frame < 0 {
		return
	}
	end := t.g.Slots[t.level]
	for i := t.s.NextUsed(t.g, t.frame, t.first, end); i < end; i = t.s.NextUsed(t.g, t.frame, i+1, end) {
		e := t.s.Entry(t.g, t.frame, i)
		if e != 0 && !t.s.L.XenSlot(t.level, i, t.special) && !visit(i, e) {
			return
		}
	}
}

// isLeaf reports whether an entry of the table maps a page, or would if it were
// present.
func (t table) isLeaf(e model.Entry) bool {
	return t.level == 1 || largeLeaf(t.s, t.g, t.level, e)
}

// child is the table that an entry above L1 names; its frame is NoFrame where that
// lies outside the model.
func (t table) child(slot int, e model.Entry) table {
	c := tableOf(t.s, t.g, t.s.L.Map.Frame(t.s.L.Names(e)), t.level-1)
	c.base = t.base + model.VA(slot)*t.g.Span(t.level)
	c.special = t.level == t.g.Levels && slot == t.g.Slots[t.level]-1
	return c
}

// present visits the present entries in slots below end, with the frames that they name,
// until visit returns false. It reports whether visit never did.
func (t table) present(end int, visit func(slot int, e model.Entry, child model.Frame) bool) bool {
	s, l := t.s, t.s.L
	for i := s.NextUsed(t.g, t.frame, t.first, end); i < end; i = s.NextUsed(t.g, t.frame, i+1, end) {
		e := s.Entry(t.g, t.frame, i)
		if e&model.Present != 0 && !l.XenSlot(t.level, i, t.special) && !visit(i, e, l.Map.Frame(l.Names(e))) {
			return false
		}
	}
	return true
}

// walk visits the tree of a table from the top: each table, also one outside the model,
// goes to enter, which says whether to go on into it, and each entry that is no pointer
// to leaf, which says whether to go on at all. Both may be nil.
func (t table) walk(enter func(t table) bool, leaf func(t table, slot int, e model.Entry) bool) bool {
	return enter != nil && !enter(t) || t.below(enter, leaf)
}

// below is walk without the table itself. The search spends much of its time here.
func (t table) below(enter func(t table) bool, leaf func(t table, slot int, e model.Entry) bool) bool {
	if t.frame < 0 {
		return true
	}
	s, g, l, end := t.s, t.g, t.s.L, t.g.Slots[t.level]
	large := t.level == 2 && (g.Width == 8 || s.CPU.CR4&model.CR4PSE != 0)
	down := table{s: s, g: g, level: t.level - 1}
	for i := s.NextUsed(g, t.frame, t.first, end); i < end; i = s.NextUsed(g, t.frame, i+1, end) {
		switch e := s.Entry(g, t.frame, i); {
		case e == 0 || l.XenSlot(t.level, i, t.special):
		case t.level == 1 || large && e&model.PSE != 0:
			if leaf != nil && !leaf(t, i, e) {
				return false
			}
		case e&model.Present != 0:
			down.frame, down.base = l.Map.Frame(l.Names(e)), t.base+model.VA(i)*g.Span(t.level)
			down.special = t.level == g.Levels && i == g.Slots[t.level]-1
			if (enter == nil || enter(down)) && (leaf != nil || t.level > 2) && !down.below(enter, leaf) {
				return false
			}
		}
	}
	return true
}

// eachTable visits the tables of a tree; visit says whether to go on into one.
func (t table) eachTable(visit func(t table) bool) { t.walk(visit, nil) }

// levelBelow is the level, above L1, at which a tree has a frame as a table; 0 if it
// has not.
func (t table) levelBelow(f model.Frame) (level int) {
	t.eachTable(func(t table) bool {
		if level == 0 && t.frame == f {
			level = t.level
		}
		return level == 0 && t.level > 2
	})
	return level
}

// mapsThrough reports whether a present entry of the table leads to a present leaf, or
// out of the model, where nobody knows.
func (t table) mapsThrough(slot int, e model.Entry) (found bool) {
	if t.isLeaf(e) {
		return true
	}
	t.child(slot, e).walk(
		func(t table) bool { found = found || t.frame < 0; return !found },
		func(_ table, _ int, e model.Entry) bool { found = e.Is(model.Present); return !found })
	return found
}

// change is an entry that a step changed.
type change struct {
	table    model.Frame
	slot     int
	old, now model.Entry
}

// changes are the entries that a step changed, collected once a step for the kernel's
// geometry, and for the processor's where that is another one.
type changes struct {
	ready [2]bool
	lists [2][]change
}

// changed are the entries that the step changed, read in a geometry.
func (c *Checker) changed(g *model.Geometry) []change {
	n := 0
	if g != c.s.L.Geo {
		n = 1
	}
	if !c.changes.ready[n] {
		c.changes.ready[n] = true
		c.changes.lists[n] = appendChanges(c.changes.lists[n][:0], c.s, g, c.stores)
	}
	return c.changes.lists[n]
}

func appendChanges(dst []change, s *model.State, g *model.Geometry, stores []model.Write) []change {
	for _, w := range stores {
		per, word := 8/g.Width, s.Word(w.Frame, w.Word)
		for i := range per {
			if old, now := entryOf(g, w.Old, i), entryOf(g, word, i); old != now {
				dst = append(dst, change{w.Frame, w.Word*per + i, old, now})
			}
		}
	}
	return dst
}

// entryOf is entry number i in a 64-bit word.
func entryOf(g *model.Geometry, word uint64, i int) model.Entry {
	if g.Width == 8 {
		return model.Entry(word)
	}
	return model.Entry(uint32(word >> (32 * i)))
}

// maps reports whether an entry of the table, or what it says when it becomes present,
// maps a frame.
func (t table) maps(e model.Entry, f model.Frame) bool {
	pages := model.MFN(t.g.Span(t.level) / model.PageSize)
	return t.isLeaf(e) && t.s.L.Map.MFN(f)/pages == t.s.L.Names(e)/pages
}

// names reports whether an entry of the table holds on to a frame: as a table, as a
// page, or as one without rights, which the kernel keeps by its own number.
func (t table) names(e model.Entry, f model.Frame) bool {
	switch {
	case !e.Is(model.Present):
		return t.level == 1 && keeps(t.s.L, e) == f
	case t.isLeaf(e):
		return t.maps(e, f)
	}
	return t.s.L.Map.Frame(t.s.L.Names(e)) == f
}
