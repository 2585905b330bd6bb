package kernel

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// The representative of a class of symmetric states is found by refinement: each frame that
// may be exchanged gets a signature that does not depend on the numbers of such frames, and
// frames of one group are ordered by it.

// looker computes signatures. It is the scratch of one model.
type looker struct {
	shape  model.Shape
	groups [][]model.Frame // what may be exchanged in the present state
	room   []model.Frame   // where they are kept
	fresh  []int           // the groups of frames that have not been handed out
	free   uint64          // the frames in groups, by bit
	sig    [mostFrames]uint64
	was    [mostFrames]uint64
	bound  uint64 // frames in groups of which more is known than their own leaf, by bit
	links  []link
}

// link says that something of frame from, or in the place of frame from, names frame to; both
// may be exchanged.
type link struct {
	from, to model.Frame
	how      uint64
}

// Kinds of what a signature is made of.
const (
	partContent = iota + 1
	partLitter
	partNamed
	partRegister
	partOwn
	partPlace
	partCached
	partLink
)

// anyFrame stands for the number of a frame that may be exchanged.
const anyFrame = 0xffff

// blend mixes numbers into one, in order.
func blend(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = (h ^ p) * 0xd6e8feb86659fd93
		h ^= h >> 29
	}
	return h
}

// look finds the groups of a state and the signatures of their frames. It reports false if
// there is nothing to exchange, or the state has no known shape.
func (x *looker) look(s *model.State, lk *likeness) bool {
	x.fresh = x.fresh[:0]
	if s.Kernel.Phase == model.PhaseBoot || !x.shape.Of(s, &lk.start) {
		return false
	}
	if x.split(s, lk); x.free == 0 {
		return false
	}
	x.bound, x.links = 0, x.links[:0]
	for _, g := range x.groups {
		for _, f := range g {
			x.sig[f] = 0
		}
	}
	for i, f := range s.NamedFrames() {
		if x.moves(f) {
			x.tell(f, blend(partRegister, uint64(i)))
		}
	}
	x.lookAtMemory(s)
	for c := range s.TLB.Each {
		x.lookAtCached(s, c)
	}
	x.refine()
	return true
}

// split makes the groups: of each class what the allocator has handed out, and what it will
// not, by blocks that are the same.
func (x *looker) split(s *model.State, lk *likeness) {
	x.groups, x.room, x.free = x.groups[:0], slices.Grow(x.room[:0], mostFrames), 0
	next, end := model.Frame(s.Kernel.BootmemNext), model.Frame(lk.reach(s.Kernel.Phase))
	for _, c := range lk.classes {
		given, never := 0, len(c)
		for given < len(c) && c[given] < next {
			given++
		}
		for never > given && c[never-1] >= end {
			never--
		}
		x.byBlock(c[:given])
		n := len(x.groups)
		for x.byBlock(c[never:]); n < len(x.groups); n++ {
			x.fresh = append(x.fresh, n)
		}
	}
}

// uneven are two frames that differ although none that is free may: construction is over, and
// whichever the allocator comes to first is as good as another. nil: there are none.
func (x *looker) uneven(s *model.State) []model.PFN {
	if s.Kernel.Phase != model.PhaseDone {
		return nil
	}
	for _, n := range x.fresh {
		for _, f := range x.groups[n] {
			if first := x.groups[n][0]; x.sig[f] != x.sig[first] || x.bound>>uint(f)&1 != 0 {
				return []model.PFN{model.PFN(first), model.PFN(f)}
			}
		}
	}
	return nil
}

// byBlock adds the groups of frames that blocks alone may tell apart.
func (x *looker) byBlock(frames []model.Frame) {
	var done uint64
	for i, f := range frames {
		if done>>uint(f)&1 != 0 {
			continue
		}
		from, block := len(x.room), x.shape.Block(f)
		for _, g := range frames[i:] {
			if x.shape.Block(g) == block {
				x.room = append(x.room, g)
				done |= 1 << uint(g)
			}
		}
		if group := x.room[from:]; len(group) > 1 {
			x.groups = append(x.groups, group)
			for _, g := range group {
				x.free |= 1 << uint(g)
			}
		}
	}
}

// moves reports whether a frame may be exchanged.
func (x *looker) moves(f model.Frame) bool { return f >= 0 && f < mostFrames && x.free>>uint(f)&1 != 0 }

// tell adds to what is known of a frame besides its own leaf.
func (x *looker) tell(f model.Frame, what uint64) {
	x.sig[f] += what
	x.bound |= 1 << uint(f)
}

// token is a frame's number where that matters.
func (x *looker) token(f model.Frame) uint64 {
	if x.moves(f) {
		return anyFrame
	}
	return uint64(f) + 1
}

// lookAtMemory adds what frames hold and what names them.
func (x *looker) lookAtMemory(s *model.State) {
	for f := range model.Frame(s.L.Map.Frames()) {
		switch {
		case s.Empty(f):
		case s.Littered(f):
			if x.moves(f) {
				x.sig[f] += blend(partLitter)
			}
		default:
			x.lookAtPage(s, f)
		}
	}
}

// lookAtPage adds what the entries of a frame say.
func (x *looker) lookAtPage(s *model.State, f model.Frame) {
	g := x.shape.Geometry(s, f)
	for slot := range len(s.Words(f)) * 8 / g.Width {
		e := s.Entry(g, f, slot)
		if e == 0 {
			continue
		}
		n, what := x.shape.Names(s, f, e), uint64(e)
		if x.moves(n) {
			what = uint64(e.Flags())
		}
		if p, kind, ok := x.shape.Place(f, slot); ok && x.moves(p) {
			x.lookAtLeaf(p, n, uint64(kind), what)
			continue
		}
		if x.moves(f) {
			x.tell(f, blend(partContent, uint64(slot), what))
		}
		if x.moves(n) {
			x.tell(n, blend(partNamed, x.token(f), uint64(slot), what))
			if x.moves(f) {
				x.links = append(x.links, link{f, n, blend(uint64(slot), what)})
			}
		}
	}
}

// lookAtLeaf adds what an entry says that stands in the place of frame p, in the table of a
// kind, and names frame n. Of the table itself it says nothing: the place may move to another.
func (x *looker) lookAtLeaf(p, n model.Frame, kind, what uint64) {
	if n == p {
		x.sig[p] += blend(partOwn, kind, what)
		return
	}
	x.tell(p, blend(partPlace, kind, what, x.token(n)))
	if x.moves(n) {
		x.tell(n, blend(partNamed, kind, what))
		x.links = append(x.links, link{p, n, what})
	}
}

// lookAtCached adds what the TLB says.
func (x *looker) lookAtCached(s *model.State, c model.Cached) {
	rights := uint64(0)
	if c.Writable {
		rights |= 1
	}
	if c.User {
		rights |= 2
	}
	p, base, ok := s.L.Mapped(c.Page)
	if !ok || !x.moves(p) {
		if x.moves(c.Frame) {
			x.tell(c.Frame, blend(partCached, uint64(c.Page), rights))
		}
		return
	}
	if c.Frame == p {
		x.sig[p] += blend(partCached, uint64(base), rights)
		return
	}
	x.tell(p, blend(partCached, uint64(base), rights, x.token(c.Frame)))
	if x.moves(c.Frame) {
		x.tell(c.Frame, blend(partCached, uint64(base), rights, anyFrame, anyFrame))
		x.links = append(x.links, link{p, c.Frame, blend(partCached, uint64(base), rights)})
	}
}

// rounds is how often signatures go along links: a table of the lowest level is known by the
// one above it, and what that maps by the two.
const rounds = 2

// refine has frames that name each other take part in each other's signature.
func (x *looker) refine() {
	if len(x.links) == 0 {
		return
	}
	for range rounds {
		x.was = x.sig
		for _, l := range x.links {
			x.sig[l.to] += blend(partLink, l.how, x.was[l.from])
			x.sig[l.from] += blend(partLink, l.how, x.was[l.to], 1)
		}
	}
}
