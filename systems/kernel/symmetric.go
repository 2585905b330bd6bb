package kernel

import (
	"bytes"
	"encoding/binary"
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
	twin    *Model // makes the calls of comparisons
	checked map[uint64]bool
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
	return &symmetric{Model: s.NewModel(), alike: make([]*likeness, n), image: make([]*model.State, n), checked: map[uint64]bool{}}
}

// Inner implements [systems.Outer].
func (x *symmetric) Inner() explore.Model { return x.Model }

// Canon implements [explore.Canonicalizer].
func (x *symmetric) Canon(dst []byte) []byte {
	s, lk := x.work[x.start], x.likeness()
	if len(lk.classes) == 0 {
		return x.Encode(dst)
	}
	if s.Kernel.BootmemNext > lk.reach[s.Kernel.Phase] {
		x.lopsided(&systems.Lopsided{Past: s.Kernel.BootmemNext - 1})
	}
	if !x.choose(s, lk) {
		return x.Encode(dst)
	}
	x.chooser.image.Rename(s, x.to, &x.shape)
	from := len(dst)
	dst = binary.AppendUvarint(dst, uint64(x.start))
	dst = x.chooser.image.AppendPacked(dst)
	if x.elected(dst[from:]) {
		x.compare(s, dst[from:], lk)
	}
	return dst
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
const comparedOften = 4

// elected reports whether a state is compared with its representative, which decides that: each
// is compared once.
func (x *symmetric) elected(representative []byte) bool {
	h := mix(representative)
	if h%uint64(max(1, x.sys.recheck/comparedOften)) != 0 || x.checked[h] {
		return false
	}
	x.checked[h] = true
	return true
}

// compare makes the calls of a state and of its representative, and ends the search where
// they do not come to the same.
func (x *symmetric) compare(s *model.State, representative []byte, lk *likeness) {
	to := slices.Clone(x.to)
	x.packed = x.Encode(x.packed[:0])
	m := x.other()
	m.Decode(x.packed)
	x.codes = m.Calls(x.codes[:0])
	m.Decode(representative)
	if !sameCalls(x.codes, m.Calls(nil), to, lk) {
		x.lopsided(x.differ(to, model.CallNone.String(), "other calls can be made", "then"))
	}
	for _, code := range x.codes {
		was, after := x.outcome(x.packed, code, to)
		now, image := x.outcome(representative, lk.renamedCall(code, to), nil)
		switch text := CallOf(code).String(); {
		case was != now:
			x.lopsided(x.differ(to, text, was, now))
		case after != nil && !bytes.Equal(after, image):
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

// outcome makes a call in a packed state, and tells what comes of it and the state that it
// leads to, renamed; nil: it does not move, or leads to a state without a shape.
func (x *symmetric) outcome(packed []byte, code uint64, to []model.Frame) (told string, after []byte) {
	m := x.other()
	m.Decode(packed)
	o := m.Apply(code)
	told = "it moved"
	switch o.Kind {
	case explore.Crashed, explore.Violated:
		told = systems.Verdict{Kind: o.Kind, What: m.Broken(o)}.Told()
	case explore.Skipped:
		told = "the kernel stopped"
	default:
		s := m.work[m.start]
		if to != nil {
			var h model.Shape
			if !h.Of(s, &x.likeness().start) {
				return told, nil
			}
			image := model.NewState(s.L)
			image.Rename(s, to, &h)
			s = image
		}
		after = s.AppendPacked(nil)
	}
	return told, after
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
