package kernel

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// symmetric is a model that stores one of several symmetric states. Of some states it checks
// that the symmetry is true: that the calls of the state and of its representative come to the
// same. The code under test decides that, not we.
type symmetric struct {
	*Model
	alike []*likeness // by start of the day
	image []*model.State
	chooser
	twin    *Model              // makes the calls of comparisons
	checked map[uint64]struct{} // states, by hash
	packed  []byte
	codes   []uint64
}

var (
	_ explore.Orbiter = (*symmetric)(nil)
	_ systems.Outer   = (*symmetric)(nil)
)

// symmetricModel returns a model of one worker.
func (s *System) symmetricModel() *symmetric {
	n := len(s.Inits)
	return &symmetric{Model: s.NewModel(), alike: make([]*likeness, n), image: make([]*model.State, n), checked: map[uint64]struct{}{}}
}

// Inner implements [systems.Outer].
func (x *symmetric) Inner() explore.Model { return x.Model }

// Canon implements [explore.Canonicalizer].
func (x *symmetric) Canon(dst []byte) []byte {
	s, lk := x.work[x.start], x.likeness()
	if len(lk.classes) == 0 {
		return x.Encode(dst)
	}
	x.within(s, lk)
	from := len(dst)
	dst, own := x.represent(dst, s, lk)
	if f := x.uneven(s); f != nil {
		x.lopsided(&systems.Lopsided{Frames: f, Was: "construction is over", Now: "they differ"})
	}
	if x.elected(s, dst[from:]) {
		x.check(dst[from:], lk, own)
	}
	return dst
}

// check compares the working state and others that the same one is stored for with that.
func (x *symmetric) check(representative []byte, lk *likeness, own bool) {
	if x.packed = x.Encode(x.packed[:0]); !own && x.first(x.packed) {
		x.compare(x.packed, representative, slices.Clone(x.to), lk)
	}
	if x.first(representative) {
		for turn := range turns {
			if image, to := x.turned(representative, turn, lk); !bytes.Equal(image, representative) {
				x.compare(representative, image, to, lk)
			}
		}
	}
}

// within ends the search if the allocator has come further than it does in a long run.
func (x *symmetric) within(s *model.State, lk *likeness) {
	if s.Kernel.BootmemNext > lk.reach(s.Kernel.Phase) {
		x.lopsided(&systems.Lopsided{Past: s.Kernel.BootmemNext})
	}
}

// represent appends the representative of a state, and reports whether that is the state itself.
func (x *symmetric) represent(dst []byte, s *model.State, lk *likeness) (all []byte, own bool) {
	if own = !x.choose(s, lk); !own {
		x.chooser.image.Rename(s, x.to, &x.shape)
		s = x.chooser.image
	}
	dst = binary.AppendUvarint(dst, uint64(x.start))
	return s.AppendPacked(dst), own
}

// likeness is that of the working state's start of the day. It is the scratch of choose that is
// made ready with it.
func (x *symmetric) likeness() *likeness {
	i := x.start
	if x.alike[i] == nil {
		x.alike[i] = newLikeness(x.sys.Inits[i].State)
		if len(x.alike[i].classes) > 0 {
			t := x.other()
			t.Init(i)
			x.alike[i].run(t)
			x.image[i] = model.NewState(x.sys.Inits[i].State.L)
		}
	}
	x.chooser.image = x.image[i]
	return x.alike[i]
}

// other is the model on which calls are made that the search does not know of.
func (x *symmetric) other() *Model {
	if x.twin == nil {
		x.twin = x.sys.NewModel()
		x.twin.once()
		x.twin.note, x.twin.calm = x.note, x.calm
	}
	return x.twin
}

// Orbit implements [explore.Orbiter].
func (x *symmetric) Orbit() uint64 {
	if lk := x.likeness(); len(lk.classes) > 0 {
		x.choose(x.saved[x.start], lk)
		return x.orbit
	}
	return 1
}

// comparedOften is how many times as many states are compared with their representative as
// have their calls made twice.
const comparedOften = 2

// elected reports whether states are compared with their representative, which decides that. All
// are once construction can end: only from there on calls go by what a frame is for, and few states
// are so far.
func (x *symmetric) elected(s *model.State, representative []byte) bool {
	return mix(representative)%uint64(max(1, x.sys.recheck/comparedOften)) == 0 ||
		s.Kernel.Phase >= model.PhaseDone || s.Kernel.Phase == model.PhaseStarted && constructed(s)
}

// first reports whether a state comes for the first time. Which of several that are stored as one
// comes first may depend on the workers, so that each is compared, once.
func (x *symmetric) first(packed []byte) bool {
	h := mix(packed)
	_, known := x.checked[h]
	x.checked[h] = struct{}{}
	return !known
}

// turns is how many states are made from a representative by exchanging frames, for comparison with
// it: one with the frames of each group in reverse, so that each has come before each other,
// and some as chance has it.
const turns = 3

// turned exchanges frames of a representative.
func (x *symmetric) turned(representative []byte, turn int, lk *likeness) (image []byte, to []model.Frame) {
	m := x.other()
	m.Decode(representative)
	s := m.work[m.start]
	if !x.chooser.look(s, lk) {
		return representative, nil
	}
	for f := range model.Frame(s.L.Map.Frames()) {
		to = append(to, f)
	}
	chance := rand.New(rand.NewPCG(mix(representative), uint64(turn)))
	for _, g := range x.groups {
		turned := slices.Clone(g)
		slices.Reverse(turned)
		if turn > 0 {
			chance.Shuffle(len(turned), func(i, j int) { turned[i], turned[j] = turned[j], turned[i] })
		}
		for i, f := range g {
			to[f] = turned[i]
		}
	}
	x.chooser.image.Rename(s, to, &x.shape)
	return x.chooser.image.AppendPacked(binary.AppendUvarint(nil, uint64(x.start))), to
}

// compare makes the calls of two states of which the second is the first renamed, and ends the
// search where they do not come to the same: the same end, or states with one representative.
// That one state is the other renamed would not do: what may be exchanged before a call need
// not be alike after it.
func (x *symmetric) compare(a, b []byte, to []model.Frame, lk *likeness) {
	m := x.other()
	m.Decode(a)
	x.codes = m.Calls(x.codes[:0])
	m.Decode(b)
	if !sameCalls(x.codes, m.Calls(nil), to, lk) {
		x.lopsided(x.differ(to, model.CallNone.String(), "other calls can be made", "then"))
	}
	renamed := make([]uint64, len(x.codes))
	for i, code := range x.codes {
		renamed[i] = lk.renamedCall(code, to)
	}
	was, now := x.ends(a, x.codes, lk), x.ends(b, renamed, lk)
	for i, code := range x.codes {
		switch text := CallOf(code).String(); {
		case was[i].told != now[i].told:
			x.lopsided(x.differ(to, text, was[i].told, now[i].told))
		case was[i].at != nil && now[i].at != nil && !bytes.Equal(was[i].at, now[i].at):
			x.lopsided(x.differ(to, text, "it led to one state", "it led to another"))
		}
	}
}

// sameCalls reports whether the calls of one state, renamed, are those of another.
func sameCalls(a, b []uint64, to []model.Frame, lk *likeness) bool {
	var r []uint64
	for _, c := range a {
		r = append(r, lk.renamedCall(c, to))
	}
	b = slices.Clone(b)
	slices.Sort(r)
	slices.Sort(b)
	return slices.Equal(r, b)
}

// end is how a call ends: in words, and the representative of the state that it leads to; nil: it
// does not move, or that is one of several.
type end struct {
	told string
	at   []byte
}

// ends makes calls in a packed state.
func (x *symmetric) ends(packed []byte, codes []uint64, lk *likeness) []end {
	m, out := x.other(), make([]end, len(codes))
	m.Decode(packed)
	for i, code := range codes {
		switch o := m.Apply(code); o.Kind {
		case explore.Crashed, explore.Violated:
			out[i].told = systems.Verdict{Kind: o.Kind, What: m.Broken(o)}.Told()
		case explore.Skipped:
			out[i].told = "the kernel stopped"
		default:
			x.within(m.work[m.start], lk)
			out[i].told = "it moved"
			if at, _ := x.represent(nil, m.work[m.start], lk); !x.rough {
				out[i].at = at
			}
		}
		m.Restore()
	}
	return out
}

// differ says of two frames that exchange their parts, or more, what came of a call.
func (x *symmetric) differ(to []model.Frame, call, was, now string) *systems.Lopsided {
	e := &systems.Lopsided{Was: was, Now: now}
	e.Call = call
	for f, t := range to {
		if model.Frame(f) != t {
			e.Frames = append(e.Frames, model.PFN(f))
		}
	}
	return e
}

// lopsided ends the search.
func (x *symmetric) lopsided(e *systems.Lopsided) {
	call := e.Call
	e.Halt = x.halt()
	if call != "" {
		e.Call = call
	}
	x.fail(e)
}
