package xenlab

// poolFrames is how many pool frames the guest has. Scenarios use the first
// ones, and the last; those on which the guest itself may run are in between.
const (
	poolFrames = 64
	guestL2    = 40
	guestL3    = 41
	guestL4    = 42
)

// A scenario is what the generator believes about the state that its
// operations have built. It is a guess that only has to be right often: Xen is
// asked for the truth.
type scenario struct {
	*generator
	pool   []int // the frames in play
	frames [poolFrames]frameGuess
	slots  [storeSlots]slotGuess

	// windows: stores through the live tables at addresses other than the
	// slots are in use. Then no copies of the guest's own L1 and L2 may be,
	// through which such a store could reach the guest.
	windows bool
	// roots: pool frames may become the guest's root. Then no entry 511 of any
	// of them may be written, except as the guest needs it.
	roots bool
	// moved: the guest runs on copies of its tables, and the boot tables are
	// ordinary frames.
	moved bool
	// What finish has to undo.
	kPinned [5]bool // pins of boot tables below the root were tried
	kFree   bool    // the boot root was unpinned
	kSlots  []int   // entries of k4 that were written while it may be free
}

// A frameGuess is the presumed use of one pool frame.
type frameGuess struct {
	role   int // 1 to 4: meant as a table of that level; 0: data
	pinned bool
	root   bool // was offered as root
	xen    bool // may hold entries of Xen's, as every L4 does
	edges  []edge
}

// An edge is an entry that was written: its slot and the frame it names.
type edge struct{ slot, to int }

// A slotGuess is what a virtual page maps: a pool frame, or -1.
type slotGuess struct {
	frame int
	rw    bool
	stale bool // its entry was changed without a flush
}

// setSlot notes what a virtual page maps from now on.
func (s *scenario) setSlot(slot, frame int, rw bool) {
	s.slots[slot].frame, s.slots[slot].rw = frame, rw
}

// unflushed notes that an entry was changed without a flush.
func (s *scenario) unflushed(slot int) {
	s.slots[slot].stale = true
	if s.profile.NoStale {
		s.settle(slot)
	}
}

// settle flushes a virtual page if it needs it.
func (s *scenario) settle(slot int) {
	if s.slots[slot].stale {
		s.op("invlpg s%d", slot)
		s.slots[slot].stale = false
	}
}

func newScenario(g *generator) *scenario {
	s := &scenario{generator: g, windows: g.IntN(3) > 0, roots: g.IntN(3) == 0}
	n := oneOf(g.Rand, 5, 8, 8, 11, 14)
	for f := range n {
		s.pool = append(s.pool, f)
	}
	if s.chance(5) {
		s.pool = append(s.pool, poolFrames-1)
	}
	// Every level has a frame, the rest is drawn: mostly data and L1.
	for i, f := range s.pool {
		role := i + 1
		if role > 4 {
			role = oneOf(g.Rand, 0, 0, 0, 1, 1, 2, 2, 3, 4)
		}
		if g.narrow() && role == 4 {
			role = 2 // a 32-bit guest has three levels, and its roots need an L2 of their own
		}
		s.frames[f].role = role
	}
	s.roots = s.roots && !g.narrow()
	for i := range s.slots {
		s.slots[i].frame = -1
	}
	return s
}

// narrow reports whether the guest is a 32-bit one.
func (g *generator) narrow() bool { return g.profile.Width == Width32 }

func (s *scenario) chance(percent int) bool { return s.IntN(100) < percent }

// frame returns a frame in play for which ok holds, or any when none does.
func (s *scenario) frame(ok func(*frameGuess) bool) int {
	var fit []int
	for _, f := range s.pool {
		if ok(&s.frames[f]) {
			fit = append(fit, f)
		}
	}
	if len(fit) == 0 {
		fit = s.pool
	}
	return fit[s.IntN(len(fit))]
}

func (s *scenario) anyFrame() int {
	return s.frame(func(*frameGuess) bool { return true })
}

// role returns a frame that is meant as a table of a level (0: as data).
func (s *scenario) role(level int) int {
	return s.frame(func(f *frameGuess) bool { return f.role == level })
}

func (s *scenario) pinned() int {
	return s.frame(func(f *frameGuess) bool { return f.pinned })
}

// table returns a frame that is meant as a table.
func (s *scenario) table() int {
	return s.frame(func(f *frameGuess) bool { return f.role > 0 })
}

// parent returns a frame with known entries and one of these entries; the
// entry's target is -1 when there is none.
func (s *scenario) parent() (int, edge) {
	f := s.frame(func(f *frameGuess) bool { return len(f.edges) > 0 })
	if n := len(s.frames[f].edges); n > 0 {
		return f, s.frames[f].edges[s.IntN(n)]
	}
	return f, edge{s.index(f), -1}
}

// setEdge notes that an entry of a frame now names another one (-1: nothing).
func (s *scenario) setEdge(f, slot, to int) {
	edges := s.frames[f].edges
	for i := range edges {
		if edges[i].slot == slot {
			edges = append(edges[:i], edges[i+1:]...)
			break
		}
	}
	if to >= 0 {
		edges = append(edges, edge{slot, to})
	}
	s.frames[f].edges = edges
}

// pinAt pins a frame as a table of a level.
func (s *scenario) pinAt(level, f int) {
	s.op("pin %d f%d", level, f)
	s.frames[f].pinned = true
	s.frames[f].xen = s.frames[f].xen || level == 4
}

func (s *scenario) unpin(f int) {
	s.op("unpin f%d", f)
	s.frames[f].pinned = false
}

// slotOf returns a virtual page that presumably maps a frame, or -1.
func (s *scenario) slotOf(f int, rw bool) int {
	for i, m := range s.slots {
		if m.frame == f && m.rw == rw {
			return i
		}
	}
	return -1
}

// look asks about the state.
func (s *scenario) look() {
	switch s.IntN(10) {
	case 0, 1:
		if f := s.anyFrame(); !s.frames[f].xen {
			s.op("dump f%d", f)
		}
	case 2, 3:
		f, e := s.parent()
		s.op("get f%d %d", f, e.slot)
	case 4:
		s.op("btypes")
	case 5:
		s.op("get k1 %d", firstSlot+s.slot())
	case 6:
		level := 2 + s.IntN(3)
		s.op("get k%d %d", level, s.free(level))
	default:
		s.op("types")
	}
}
