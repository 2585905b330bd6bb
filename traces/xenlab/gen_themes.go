package xenlab

import "fmt"

// A theme is a kind of scenario: how it begins, and the moves that it prefers.
type theme struct {
	name   string
	weight int
	only64 bool // leaves out what a 32-bit guest's tables are not like
	setup  func(*scenario)
	moves  []weighted[move]
}

// A move writes one or a few operations and updates the guesses.
type move = func(*scenario)

// commonMoves happen in every scenario.
var commonMoves = []weighted[move]{
	{6, link}, {3, unlink}, {3, pin}, {3, unpin}, {5, mapping}, {3, store}, {1, load},
	{2, wild}, {1, batch}, {1, oddPin}, {1, oddMap}, {1, pages}, {1, whole}, {1, foreign},
	{1, odds}, {1, userRoot}, {1, oddRoot}, {1, segment}, {1, side},
}

// themes are all kinds of scenario; the comment says what each is after.
var themes = []theme{
	// Whole trees, pinned at any level, and changes to them.
	{"tree", 18, false, tree, []weighted[move]{
		{6, link}, {4, leaf}, {4, unlink}, {5, relink}, {4, reflag}, {4, pin}, {4, unpin},
		{3, mapping}, {2, batch}, {2, growing}, {1, side},
	}},
	// A flaw somewhere in a tree: the refusal must undo all it began.
	{"flaw", 16, false, nil, []weighted[move]{
		{10, flaw}, {3, unlink}, {2, pin}, {2, unpin}, {2, mapping}, {2, relink}, {1, leaf},
	}},
	// A flaw at the place where the undo is known to be forgotten.
	{"partial", 3, true, partial, []weighted[move]{
		{6, link}, {4, pin}, {4, mapping}, {3, unlink}, {3, unpin}, {2, whole}, {2, segment}, {1, partial},
	}},
	// Tables as children of many parents: counts must come out even.
	{"share", 10, false, share, []weighted[move]{
		{8, link}, {6, unlink}, {5, relink}, {4, pin}, {5, unpin}, {3, mapping}, {2, batch},
	}},
	// Entries that name a table of their own level.
	{"linear", 12, false, peers, []weighted[move]{
		{10, linear}, {4, unlink}, {4, reflag}, {4, pin}, {4, unpin}, {3, relink}, {2, mapping}, {2, live},
		{2, through},
	}},
	// Stores to tables, which Xen emulates or refuses.
	{"store", 12, false, tree, []weighted[move]{
		{14, store}, {3, mapping}, {3, pages}, {2, leaf}, {2, pin}, {2, unpin}, {2, load}, {1, reflag},
	}},
	// Every flag at every level of a pinned tree.
	{"flags", 8, false, tree, []weighted[move]{
		{12, reflag}, {4, link}, {4, leaf}, {3, wild}, {2, store}, {2, pin}, {1, batch},
	}},
	// Tables below the guest's own, used through the addresses they map.
	{"live", 12, false, liveTree, []weighted[move]{
		{8, live}, {12, through}, {4, leaf}, {3, link}, {2, relink}, {2, reflag}, {2, unlink}, {2, mapping},
		{1, pin}, {1, unpin},
	}},
	// Switches between roots.
	{"root", 10, true, enter, []weighted[move]{
		{12, root}, {4, enter}, {4, link}, {3, userRoot}, {2, oddRoot}, {2, unlink}, {2, mapping}, {1, linear},
		{2, through}, {1, live},
	}},
	// Frames as segment tables and as whole pages.
	{"page", 5, false, nil, []weighted[move]{
		{6, segment}, {6, whole}, {3, mapping}, {3, pin}, {2, unpin}, {2, link}, {2, store}, {2, pages},
	}},
	// Mappings that only the TLB still has.
	{"stale", 9, false, nil, []weighted[move]{
		{14, stale}, {3, mapping}, {2, store}, {3, pin}, {2, unpin}, {3, link}, {2, unlink}, {1, relink}, {1, leaf},
	}},
	// The guest on tables of its own, the boot tables at large.
	{"moved", 5, true, moveOut, []weighted[move]{
		{8, leftover}, {4, store}, {3, link}, {3, mapping}, {2, pin}, {2, unpin}, {1, relink},
	}},
	// No sense at all.
	{"wild", 8, false, nil, []weighted[move]{
		{12, wild}, {4, pin}, {3, unpin}, {4, mapping}, {3, store}, {1, batch}, {1, stale}, {1, whole},
	}},
}

// tree builds a tree from a level down and pins it.
func tree(s *scenario) {
	f := s.build(1 + oneOf(s.Rand, 0, 1, 1, 2, 2, 3, 3, 3, 3))
	s.release(f)
	s.pinFrame(f)
	s.op("types")
}

// growing builds another tree, which shares tables with the first.
func growing(s *scenario) {
	s.build(1 + s.IntN(4))
}

// share pins many tables and links them across.
func share(s *scenario) {
	for _, f := range s.pool {
		if s.frames[f].role > 0 && s.chance(50) {
			s.pinFrame(f)
		}
	}
	for range 6 {
		link(s)
	}
}

// peers pins tables of the same level, which linear entries need.
func peers(s *scenario) {
	level := 2 + s.IntN(3)
	for i, f := range s.pool {
		if i >= 4 && s.chance(60) {
			s.frames[f].role = level
		}
		if s.frames[f].role >= 2 && s.chance(60) {
			s.pinFrame(f)
		}
	}
}

// liveTree links an L1, L2 or L3 below the guest's own tables and uses it.
func liveTree(s *scenario) {
	s.windows = true
	level := oneOf(s.Rand, 1, 1, 1, 1, 2, 2, 3)
	f := s.build(level)
	s.release(f)
	slot := s.free(level + 1)
	if level == 3 {
		s.kSlots = append(s.kSlots, slot)
	}
	s.op("mu k%d %d %s", level+1, slot, pair(name(f), oneOf(s.Rand, "PWU", "PWU", "PU")))
	through(s)
}

// flaw builds a tree, spoils it somewhere, offers it to Xen, and asks what is
// left of the refusal.
func flaw(s *scenario) {
	top := s.build(2 + oneOf(s.Rand, 0, 1, 2, 2))
	bad := s.table()
	slot := s.index(bad)
	switch s.IntN(8) {
	case 0:
		s.mapFrame(s.slot(), bad, "PW", true)
	case 1:
		l1 := s.role(1)
		s.update(l1, s.index(l1), pair(name(bad), "PW"))
	case 2:
		s.update(bad, slot, s.refused())
	case 3:
		s.update(bad, slot, pair(name(s.anyFrame()), oneOf(s.Rand, badUpper...)))
	case 4:
		s.update(bad, slot, pair(name(s.anyFrame()), "PWU")) // a level is skipped
	case 5:
		s.pinAt(1+s.IntN(4), bad)
	case 6:
		s.op("gdt f%d", bad)
	default:
		s.update(bad, slot, pair(name(bad), "PWU"))
	}
	s.pinAt(max(s.frames[top].role, 1), top)
	if s.chance(50) {
		s.op("types")
	}
	s.mapFrame(s.slot(), s.table(), "PW", true)
	if s.chance(50) {
		s.update(bad, slot, "0")
	}
}

// partial offers a chain of tables that fails in its L2 at some entry, and then
// tries everything with that L2.
func partial(s *scenario) {
	s.roots = false
	l2, l3, l4 := s.role(2), s.role(3), s.role(4)
	s.update(l2, oneOf(s.Rand, 0, 1, 5, 511), pair(name(s.anyFrame()), oneOf(s.Rand, badUpper...)))
	s.update(l3, oneOf(s.Rand, 0, 0, 0, 1, 511), pair(name(l2), "PWU"))
	root := pair(name(l3), "PWU")
	if s.chance(30) {
		s.pinFrame(l4)
		s.update(l4, oneOf(s.Rand, 0, 1, 1, 255), root)
	} else {
		s.update(l4, oneOf(s.Rand, 0, 1, 1, 255), root)
		s.pinFrame(l4)
	}
	for range 1 + s.IntN(3) {
		switch s.IntN(6) {
		case 0:
			s.mapFrame(s.slot(), l2, "PW", true)
		case 1:
			s.op("clear f%d", l2)
		case 2:
			s.op("gdt f%d", l2)
		case 3:
			s.update(l2, oneOf(s.Rand, 0, 1, 5, 511), "0")
		default:
			s.pinAt(oneOf(s.Rand, 1, 2, 2, 3), l2)
		}
	}
}

// leak writes a last scenario, in which the guest writes an absent entry that names
// memory, or offers a table that holds one. Nothing behind that is executed.
func (g *generator) leak() {
	s := newScenario(g)
	level := 1 + s.IntN(4)
	if s.narrow() {
		level = min(level, 2) // an L3 must have more than that
	}
	bad := oneOf(s.Rand, leaking...)
	if level > 1 && s.chance(20) {
		bad = "0x80"
	}
	f, slot := s.role(level), oneOf(s.Rand, 0, 1, 3, 255, 511)
	if !g.profile.NoTitles {
		g.count++
		fmt.Fprintf(&g.out, "t %d leak\n", g.count)
	}
	g.op("reset")
	switch way := s.IntN(5); {
	case way == 0 && level == 1:
		g.op("map s%d %s", s.slot(), bad)
	case way < 3: // as long as nobody audits it, an entry is none
		g.op("mu f%d %d %s", f, slot, oneOf(s.Rand, safe...))
		g.op("mu f%d %d %s", f, slot, bad)
		g.op("pin %d f%d", level, f)
	case way == 3 && level == 1:
		g.op("assist 2 1")
		g.op("pin 1 f%d", f)
		g.op("map s0 f%d:P", f)
		g.op("w s0 %d %s", slot, bad)
	default:
		g.op("pin %d f%d", level, f)
		g.op("mu f%d %d %s", f, slot, oneOf(s.Rand, safe...))
		g.op("mu f%d %d %s", f, slot, bad)
	}
	g.op("types")
}
