package invariants

import "github.com/ptcheck/ptcheck/model"

// view counts, for every frame, how it is used by the trees of tables in use:
// as a table of which level, and as a page that an L1 maps writable. The roots
// are CR3, the user root and pinned frames. It is counted from raw memory and
// then kept up to date from the words that each step changed.
//
// Only the R/W bit of the leaf entry counts as writable, although the CPU
// combines all levels: nothing keeps an upper entry from becoming writable
// later.
type view struct {
	geo *model.Geometry
	// uses[f][n] is the number of references that make f a level-n table:
	// entries of level-(n+1) tables in use, being a root, and same-level (linear)
	// entries of other tables.
	uses [][model.MaxLevels + 1]int32
	// writable[f] is the number of leaf entries that map f writable.
	writable []int32
	// bad is the number of frames that are a table and mapped writable.
	bad int

	roots   [4]model.Frame // those of the processors
	pins    []uint8        // by frame: the level at which it is pinned, 0 if it is not
	pinned  model.FrameSet // the frames with a pin
	entered []bool         // scratch of reset: roots whose entries are counted
	seen    model.WordSet  // scratch of applyWrites
	// linear are the same-level entries: what an entry was when it came counts
	// when it goes.
	linear []entryPlace

	// lost says that a table was given back while it was in use: it may hold anything, which
	// nobody has counted.
	lost bool

	// Where memory is large: the frames whose writable mappings the last step changed, those
	// that have become a table or ceased to be one since the last call ended, and whether the
	// last step ended one.
	large  bool
	wrote  []model.Frame
	turned []model.Frame
	turns  int // how many have been on that list
	ended  bool
}

// entryPlace is a slot of a table.
type entryPlace struct {
	table model.Frame
	slot  int
}

// reset counts everything anew: first the roots, then what hangs on them, so
// that a same-level entry to a root is known for what it is.
func (v *view) reset(s *model.State, large bool) {
	frames := s.L.Map.Frames()
	if s.L.Hyper == nil {
		frames = 0 // nothing is counted
	}
	v.resize(frames)
	v.lost = false
	v.large, v.ended, v.wrote, v.turned, v.pinned = false, false, v.wrote[:0], v.turned[:0], model.FrameSet{}
	v.geo, v.bad, v.linear = s.L.Geo, 0, v.linear[:0]
	v.roots = [4]model.Frame{model.NoFrame, model.NoFrame, model.NoFrame, model.NoFrame}
	if s.L.Hyper == nil {
		return
	}
	v.roots = s.Roots()
	for f := range model.Frame(len(v.uses)) {
		if pinned(s, f) {
			v.pin(f, s.InfoAt(f).Typ.Level())
		}
	}
	v.eachRoot(func(f model.Frame, level int) { v.uses[f][level]++ })
	v.eachRoot(func(f model.Frame, level int) {
		if !v.entered[f] {
			v.entered[f] = true
			v.entries(s, f, level, 1)
		}
	})
	v.large = large
	v.bad = 0 // the roots were not complete while it was counted
	for f := range v.writable {
		if v.writable[f] > 0 && v.isTable(model.Frame(f)) {
			v.bad++
		}
	}
}

// resize makes room for n frames and clears all counts.
func (v *view) resize(n int) {
	if cap(v.uses) < n {
		v.uses = make([][model.MaxLevels + 1]int32, n)
		v.writable, v.pins = make([]int32, n), make([]uint8, n)
		v.entered = make([]bool, n)
	}
	v.uses, v.writable, v.entered, v.pins = v.uses[:n], v.writable[:n], v.entered[:n], v.pins[:n]
	clear(v.uses)
	clear(v.writable)
	clear(v.entered)
	clear(v.pins)
}

// eachRoot visits the roots of the processors and the pins, with the level of each.
func (v *view) eachRoot(visit func(f model.Frame, level int)) {
	for _, f := range v.roots {
		if f >= 0 {
			visit(f, v.geo.Levels)
		}
	}
	for f, level := range v.pins {
		if level > 0 {
			visit(model.Frame(f), int(level))
		}
	}
}

// pinned reports whether the guest holds a frame pinned. It is what the guest
// asked for and was granted, not something the hypervisor worked out.
func pinned(s *model.State, f model.Frame) bool {
	return s.InfoAt(f).Is(model.Pinned)
}

// apply takes in one step, and the words that it changed.
func (v *view) apply(s *model.State, st *model.Step, stores []model.Write) {
	if s.L.Hyper == nil {
		return
	}
	v.wrote = v.wrote[:0]
	if v.ended {
		v.turned = v.turned[:0]
	}
	v.ended = st.Op == model.OpCallEnd
	v.applyWrites(s, stores)
	switch st.Op {
	case model.OpFree:
		v.lost = v.lost || st.Frame >= 0 && v.isTable(st.Frame)
	case model.OpNewBaseptr, model.OpUserBaseptr:
		v.syncRoots(s)
	case model.OpPin:
		// A level that the geometry does not have is ignored with success.
		if st.Errno == model.OK && st.Level <= v.geo.Levels && st.Frame >= 0 {
			v.addPin(s, st.Frame, st.Level)
		}
	case model.OpUnpin:
		if st.Errno == model.OK {
			v.dropPin(s, st.Frame)
		}
	}
}

// applyWrites takes in the changed words of a step, one after the other. A table
// that the step links is counted as memory holds it at the end, so a step must
// not link a table first and write to it afterwards; none does. A word that changed more
// than once counts with its first old value.
func (v *view) applyWrites(s *model.State, stores []model.Write) {
	v.seen.Clear()
	for _, w := range stores {
		if v.isTable(w.Frame) && (len(stores) == 1 || v.seen.Add(w.Frame, w.Word)) {
			v.changed(s, w)
		}
	}
}

// syncRoots follows changes of the processors' roots. The new root is counted
// before the old one is dropped, as the hypervisor does it.
func (v *view) syncRoots(s *model.State) {
	old := v.roots
	v.roots = s.Roots()
	for _, f := range v.roots {
		v.use(s, f, v.geo.Levels)
	}
	for _, f := range old {
		v.unuse(s, f, v.geo.Levels)
	}
}

func (v *view) addPin(s *model.State, f model.Frame, level int) {
	v.pin(f, level)
	v.use(s, f, level)
}

// pin notes the level at which a frame is pinned, 0 for not at all.
func (v *view) pin(f model.Frame, level int) {
	v.pins[f] = uint8(level)
	model.Put(&v.pinned, f, level > 0)
}

func (v *view) dropPin(s *model.State, f model.Frame) {
	if level := v.pins[f]; level > 0 {
		v.pin(f, 0)
		v.unuse(s, f, int(level))
	}
}

// isTable reports whether a frame is in use as a table of any level.
func (v *view) isTable(f model.Frame) bool {
	if int(f) >= len(v.uses) {
		return false
	}
	u := &v.uses[f]
	return u[1]|u[2]|u[3]|u[4] != 0
}

// use adds a reference that makes f a level-n table, and with the first one
// what its entries refer to.
func (v *view) use(s *model.State, f model.Frame, level int) {
	if f < 0 || level < 1 {
		return
	}
	was := v.isTable(f)
	v.uses[f][level]++
	if !was && v.writable[f] > 0 {
		v.bad++
	}
	if !was && v.large {
		v.turn(f)
	}
	if v.uses[f][level] == 1 {
		v.entries(s, f, level, 1)
	}
}

// unuse takes a reference away.
func (v *view) unuse(s *model.State, f model.Frame, level int) {
	if f < 0 || level < 1 {
		return
	}
	v.uses[f][level]--
	if !v.isTable(f) && v.writable[f] > 0 {
		v.bad--
	}
	if v.large && !v.isTable(f) {
		v.turn(f)
	}
	if v.uses[f][level] == 0 {
		v.entries(s, f, level, -1)
	}
}

// turn notes that a frame has become a table, or ceased to be one.
func (v *view) turn(f model.Frame) { v.turned, v.turns = append(v.turned, f), v.turns+1 }

// onlyTurned reports whether no frames have turned since there were so many turns but those
// that are on the list.
func (v *view) onlyTurned(turns int) bool { return turns+len(v.turned) >= v.turns }

// entries adds or removes what all entries of a table refer to.
func (v *view) entries(s *model.State, f model.Frame, level, by int) {
	end := v.geo.Slots[level]
	for i := s.NextUsed(v.geo, f, 0, end); i < end; i = s.NextUsed(v.geo, f, i+1, end) {
		v.entry(s, f, level, i, s.Entry(v.geo, f, i), by)
	}
}

// entry adds (by 1) or removes (by -1) what one entry of a table in use refers
// to.
func (v *view) entry(s *model.State, f model.Frame, level, slot int, e model.Entry, by int) {
	if e&model.Present == 0 || s.L.XenSlot(level, slot, false) || !s.L.Map.IsGuest(s.L.Map.Frame(e.MFN())) {
		return // nothing, or the hypervisor's own
	}
	switch {
	case level > 1 && !largeLeaf(s, v.geo, level, e):
		v.pointer(s, entryPlace{f, slot}, level, e, by)
	case e&model.RW != 0:
		pages := model.MFN(v.geo.Span(level) / model.PageSize)
		first := e.MFN() &^ (pages - 1)
		for p := range pages {
			v.write(s.L.Map.Frame(first+p), int32(by))
		}
	}
}

// pointer adds or removes what an entry above L1 refers to: a table of the level
// below, or, read-only, one of its own level. An entry to the table itself
// counts nothing.
func (v *view) pointer(s *model.State, at entryPlace, level int, e model.Entry, by int) {
	to := s.L.Map.Frame(e.MFN())
	if to == at.table {
		return
	}
	if by > 0 {
		if e&model.RW == 0 && v.uses[to][level] > 0 {
			v.linear = append(v.linear, at)
			v.use(s, to, level)
		} else {
			v.use(s, to, level-1)
		}
		return
	}
	for i, l := range v.linear {
		if l == at {
			v.linear = append(v.linear[:i], v.linear[i+1:]...)
			v.unuse(s, to, level)
			return
		}
	}
	v.unuse(s, to, level-1)
}

// write adds or removes writable mappings of a frame.
func (v *view) write(f model.Frame, by int32) {
	if f < 0 {
		return
	}
	old := v.writable[f]
	v.writable[f] += by
	if v.large {
		v.wrote = append(v.wrote, f)
	}
	if (old > 0) != (v.writable[f] > 0) && v.isTable(f) {
		v.bad += int(by)
	}
}

// changed takes in one changed word of memory.
func (v *view) changed(s *model.State, w model.Write) {
	u := &v.uses[w.Frame]
	per := 8 / v.geo.Width
	for i := range per {
		slot := w.Word*per + i
		old := entryOf(v.geo, w.Old, i)
		now := entryOf(v.geo, s.Word(w.Frame, w.Word), i)
		if old == now {
			continue
		}
		for level := 1; level <= v.geo.Levels; level++ {
			if u[level] > 0 && slot < v.geo.Slots[level] {
				v.entry(s, w.Frame, level, slot, now, 1)
				v.entry(s, w.Frame, level, slot, old, -1)
			}
		}
	}
}
