package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// trees are the tables in use: those below the kernel's own root, and those below
// the root of the running processor. Most of the time both are the same.
type trees struct {
	kernel, active tree
	// other are the tables below the root of the processor that is not running, as far as
	// that is another root than the running one's.
	other tree
	pse   bool // CR4.PSE as the trees were read
	// edits are the entries of tables in use that the last step changed, and gained
	// the tables that it brought into use.
	edits  []edit
	gained []place
	// elsewhere are the changed entries of the tables of other.
	elsewhere []edit

	visited edit          // scratch of eachOf
	stores  []model.Write // the words that the step changed
	seen    model.WordSet // scratch of collect
	counted bool          // memory is large, see [counts]
	lost    []lostTable
	anew    uint8 // the trees that have been read anew before the entries of the step
	ended   bool  // the last step ended a call
}

// lostTable is a table that an entry has ceased to name.
type lostTable struct {
	frame model.Frame
	level int
	from  entryPlace
	in    uint8 // the tree
}

// Which tree an edit or a gained table is about, by bit.
const (
	inKernel uint8 = 1 << iota
	inActive
	inBoth = inKernel | inActive
	inNone = 0 // of those two: the tables of the other processor
)

// edit is a changed entry of a table in use.
type edit struct {
	table    model.Frame
	slot     int
	level    int
	trees    uint8
	old, now model.Entry
	// came says that the table has come into use as it is, not the entry changed.
	came bool
}

// reset reads both trees anew; nothing counts as gained.
func (t *trees) reset(s *model.State, counted bool) {
	n := s.L.Map.Frames()
	t.counted, t.ended = counted, false
	t.kernel.resize(n, counted)
	t.active.resize(n, counted)
	t.edits, t.elsewhere = t.edits[:0], t.elsewhere[:0]
	t.locate(s)
	t.kernel.reread(s, nil, inNone)
	t.active.reread(s, nil, inNone)
	if s.Processors() > 1 {
		t.other.resize(n, false)
		t.locateOther(s)
		t.other.reread(s, nil, inNone)
	}
	t.gained = t.gained[:0]
}

// locateOther finds the root of the processor that is not running, and reports whether
// its tables are not the ones that they were.
func (t *trees) locateOther(s *model.State) (stale bool) {
	geo, root := t.active.geo, s.CPUOf(1-s.Running()).CR3
	if root == t.active.root {
		geo = nil // there is nothing to see that active does not show
	}
	stale = t.other.geo != geo || t.other.root != root
	t.other.geo, t.other.root = geo, root
	return stale
}

// followOther takes in the tables of the processor that is not running. An entry that two
// trees have counts for both.
func (t *trees) followOther(s *model.State) {
	if t.locateOther(s) {
		t.other.reread(s, nil, inNone)
	}
	if t.other.geo == nil {
		return
	}
	for _, w := range t.stores {
		if t.other.roles[w.Frame] != 0 {
			t.elsewhere = t.entries(t.elsewhere, s, &t.other, w, inNone)
		}
	}
	for i := range t.elsewhere {
		switch e := &t.elsewhere[i]; {
		case e.level == 1:
		case t.counted:
			t.other.stale = true
		default:
			t.pointer(s, &t.other, e)
		}
	}
	if t.other.stale {
		t.other.reread(s, nil, inNone)
	}
}

// locate finds the roots, and reports which of the trees are not the ones that
// they were. The kernel's root counts from setup_start on; before, it may hold
// anything, unless the processor uses it already. In PAE its first bytes are at
// that time still the lowest slots of the live 2-level root, which setup_start
// gives up.
func (t *trees) locate(s *model.State) (kernel, active bool) {
	l, geo := s.L, s.Active()
	root := model.Frame(l.Kernel.Root)
	var kernelGeo *model.Geometry
	if s.Kernel.Phase >= model.PhaseStarted || s.CPU.CR3 == root && geo == l.Geo {
		kernelGeo = l.Geo
	}
	low := 0
	if geo != l.Geo {
		low = geo.Index(l.Kernel.PageOffset, geo.Levels)
	}
	pse := s.CPU.CR4&model.CR4PSE != 0
	all := pse != t.pse
	kernel = all || t.kernel.geo != kernelGeo
	active = all || t.active.geo != geo || t.active.root != s.CPU.CR3
	t.pse = pse
	t.kernel.geo, t.kernel.root = kernelGeo, root
	t.active.geo, t.active.root, t.active.low = geo, s.CPU.CR3, low
	return kernel, active
}

// same reports whether both trees are the same one.
func (t *trees) same() bool { return t.kernel.geo == t.active.geo && t.kernel.root == t.active.root }

// follow takes in one step, and the words that it changed.
func (t *trees) follow(s *model.State, st *model.Step, stores []model.Write) {
	t.edits, t.gained, t.elsewhere, t.stores = t.edits[:0], t.gained[:0], t.elsewhere[:0], stores
	if t.counted {
		t.beginStep(st)
	}
	switch st.Op {
	case model.OpBootmem, model.OpFlush, model.OpInvlpg, model.OpHook:
		return
	}
	was, phase := t.active.root, t.active.geo
	kernel, active := t.locate(s)
	if t.counted && active && !kernel && phase == t.active.geo && t.otherRoot(s, was) {
		active = false
	}
	if kernel {
		t.anew |= inKernel
		t.kernel.spoilAll()
	}
	if active {
		t.anew |= inActive
		t.active.spoilAll()
	}
	if kernel || active {
		t.reread(s, kernel, active)
	}
	if len(t.stores) > 0 {
		t.collect(s)
	}
	if t.kernel.stale || t.active.stale {
		t.reread(s, t.kernel.stale, t.active.stale)
	}
	if t.counted && len(t.edits) > 0 {
		t.soil(s)
	}
	if s.Processors() > 1 {
		t.followOther(s)
	}
}

// reread reads one or both trees anew.
func (t *trees) reread(s *model.State, kernel, active bool) {
	n := len(t.gained)
	if kernel {
		t.gained = t.kernel.reread(s, t.gained, inKernel)
	}
	both := len(t.gained)
	if active {
		t.gained = t.active.reread(s, t.gained, inActive)
	}
	if kernel && active {
		t.gained = append(t.gained[:both], once(t.gained[n:both], t.gained[both:])...)
	}
}

// once are the tables that a second tree has gained and the first has not. Those of the first
// are noted as both's: most of the time they come in the same order.
func once(first, second []place) []place {
	rest, next := second[:0], 0
	for _, p := range second {
		if next == len(first) || !first[next].same(p) {
			next = slices.IndexFunc(first, p.same)
		}
		if next < 0 {
			rest, next = append(rest, p), 0
			continue
		}
		first[next].trees |= p.trees
		next++
	}
	return rest
}

// same reports whether two notes are of one table.
func (p place) same(q place) bool { return p.frame == q.frame && p.level == q.level }

// collect turns the words that the step changed into edits, and follows the
// pointers among them.
func (t *trees) collect(s *model.State) {
	same := t.same()
	t.seen.Clear()
	for _, w := range t.stores {
		if t.kernel.roles[w.Frame]|t.active.roles[w.Frame] == 0 || len(t.stores) > 1 && !t.seen.Add(w.Frame, w.Word) {
			continue
		}
		if t.kernel.roles[w.Frame] != 0 {
			as := inKernel
			if same {
				as = inBoth
			}
			t.edits = t.entries(t.edits, s, &t.kernel, w, as)
		}
		if !same && t.active.roles[w.Frame] != 0 {
			t.edits = t.entries(t.edits, s, &t.active, w, inActive)
		}
	}
	for i := range t.edits {
		e := &t.edits[i]
		of := t.of(e.trees)
		if e.level > 1 {
			t.pointer(s, of, e)
		}
	}
	if len(t.lost) > 0 {
		t.takeLeave(s)
	}
}

// entries adds the entries of one changed word of a table of a tree to a list.
func (t *trees) entries(to []edit, s *model.State, of *tree, w model.Write, as uint8) []edit {
	g, mask := of.geo, of.roles[w.Frame]
	per := 8 / g.Width
	for i := range per {
		old, now := entryOf(g, w.Old, i), entryOf(g, s.Word(w.Frame, w.Word), i)
		slot := w.Word*per + i
		if old == now {
			continue
		}
		for level := 1; level <= g.Levels; level++ {
			if mask>>level&1 == 0 || slot >= g.Slots[level] || of.hides(s.L, level, slot, mask&special != 0) {
				continue
			}
			to = append(to, edit{table: w.Frame, slot: slot, level: level, trees: as, old: old, now: now})
		}
	}
	return to
}

// pointer follows a changed entry above L1: a new table is entered at once, a lost
// one makes the tree stale.
func (t *trees) pointer(s *model.State, of *tree, e *edit) {
	had := e.old.Is(model.Present) && !largeLeaf(s, of.geo, e.level, e.old)
	has := e.now.Is(model.Present) && !largeLeaf(s, of.geo, e.level, e.now)
	switch {
	case t.counted:
		t.countPointer(s, of, e, had, has)
	case had && (!has || s.L.Names(e.old) != s.L.Names(e.now)):
		of.stale = true
		if e.trees == inBoth {
			t.active.stale = true
		}
	case has && !had:
		child, last := s.L.Map.Frame(s.L.Names(e.now)), e.level == of.geo.Levels && e.slot == of.geo.Slots[e.level]-1
		base := of.base[e.table] + model.VA(e.slot)*of.geo.Span(e.level)
		t.gained = of.add(s, child, e.level-1, base, last, t.gained, e.trees)
		if e.trees == inBoth {
			t.active.add(s, child, e.level-1, base, last, nil, 0)
		}
	}
}

// eachNew visits the entries of tables in use that are new to the last step: those
// that it changed, and all of the tables that it brought into use.
func (t *trees) eachNew(s *model.State, visit func(e *edit) bool) bool {
	for i := range t.edits {
		if !visit(&t.edits[i]) {
			return false
		}
	}
	return t.eachGained(s, visit)
}

// eachGained visits the entries of the tables that the last step brought into use.
func (t *trees) eachGained(s *model.State, visit func(e *edit) bool) bool {
	for i := range t.gained {
		if !t.eachOf(s, t.gained[i], visit) {
			return false
		}
	}
	return true
}

// eachOf visits the entries of a table that has come into use.
func (t *trees) eachOf(s *model.State, p place, visit func(e *edit) bool) bool {
	for slot, now := range t.of(p.trees).table(s, p.frame, p.level).entries {
		t.visited = edit{table: p.frame, slot: slot, level: p.level, trees: p.trees, now: now, came: true}
		if !visit(&t.visited) {
			return false
		}
	}
	return true
}

// of is a tree that an edit or a table is in.
func (t *trees) of(in uint8) *tree {
	if in&inKernel != 0 {
		return &t.kernel
	}
	return &t.active
}

// inUse reports whether a frame is a table of either tree.
func (t *trees) inUse(f model.Frame) bool { return t.kernel.has(f) || t.active.has(f) }
