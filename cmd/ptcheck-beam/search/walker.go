package search

import (
	"encoding/binary"
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
)

// maxPlaces bounds the number of calls in one state, as the engine on one machine does.
const maxPlaces = 1 << 20

// walker makes the calls of states with one model.
type walker struct {
	m      explore.Model
	canon  explore.Canonicalizer // nil without symmetry
	check  explore.StateChecker  // nil if the model has none
	step   explore.WordStepper   // nil if the model is none, or with symmetry
	tells  explore.Counter       // nil if the model does not count
	orbits explore.Orbiter       // nil without symmetry, or if the model is none
	size   int                   // of a state, 0 if it varies
	before []uint64              // counters as they were
	calls  []uint64
	buf    []byte
	word   [16]byte
}

// newWalker makes a walker.
func newWalker(m explore.Model, noSymmetry bool) *walker {
	w := &walker{m: m}
	if !noSymmetry {
		w.canon, _ = m.(explore.Canonicalizer)
		w.orbits, _ = m.(explore.Orbiter)
	}
	w.check, _ = m.(explore.StateChecker)
	w.tells, _ = m.(explore.Counter)
	if fixed, ok := m.(explore.FixedSize); ok {
		w.size = fixed.StateSize()
	}
	if w.canon == nil && w.size > 0 && w.size <= 16 {
		w.step, _ = m.(explore.WordStepper)
	}
	return w
}

// enter makes a stored state the working state and lists its calls. It returns how many states
// it stands for, 0 if that is not known.
func (w *walker) enter(state []byte) (all uint64, err error) {
	w.m.Decode(state)
	all = w.orbit()
	w.calls = w.m.Calls(w.calls[:0])
	if len(w.calls) > maxPlaces {
		return all, fmt.Errorf("the model offers %d calls in one state, at most %d are possible", len(w.calls), maxPlaces)
	}
	return all, nil
}

// orbit is how many states the working state stands for, 0 if that is not known.
func (w *walker) orbit() uint64 {
	if w.orbits == nil {
		return 0
	}
	return w.orbits.Orbit()
}

// call makes a call in the working state and takes it back. If it moved, next is the state
// that is stored, valid until the next call.
func (w *walker) call(call uint64) (o explore.Outcome, next []byte) {
	if w.step != nil {
		lo, hi, o := w.step.StepWords(call)
		binary.LittleEndian.PutUint64(w.word[:8], lo)
		binary.LittleEndian.PutUint64(w.word[8:], hi)
		return o, w.word[:w.size]
	}
	o = w.m.Apply(call)
	if o.Kind == explore.Moved {
		next = w.key()
	}
	w.m.Restore()
	return o, next
}

// key is the working state as it is stored, valid until key is called again.
func (w *walker) key() []byte {
	if w.canon != nil {
		w.buf = w.canon.Canon(w.buf[:0])
	} else {
		w.buf = w.m.Encode(w.buf[:0])
	}
	return w.buf
}

// judge counts a new state in t and asks the StateChecker about it. Moved: nothing is wrong.
func (w *walker) judge(state []byte, t *told) explore.Outcome {
	if w.check == nil && w.orbits == nil {
		return explore.Outcome{}
	}
	w.m.Decode(state)
	return w.look(t)
}

// look is judge for the working state.
func (w *walker) look(t *told) explore.Outcome {
	t.AllStates += w.orbit()
	if w.check == nil {
		return explore.Outcome{}
	}
	if o := w.check.CheckState(); fails(o) {
		return o
	}
	return explore.Outcome{}
}

// judgeInit judges the working state, an initial one, and counts it in t.
func (w *walker) judgeInit(t *told) (o explore.Outcome) {
	if judge, ok := w.m.(explore.InitChecker); ok {
		o = judge.CheckInit()
	}
	if o.Kind == explore.Moved {
		return w.look(t)
	}
	return o
}

// fails reports whether an outcome is a finding.
func fails(o explore.Outcome) bool { return o.Kind == explore.Violated || o.Kind == explore.Crashed }

// counted is what the model has counted since it was last asked; nil if it does not count.
func (w *walker) counted() []uint64 {
	if w.tells == nil {
		return nil
	}
	now := w.tells.Counters()
	out := make([]uint64, len(now))
	if w.before == nil {
		w.before = make([]uint64, len(now))
	}
	for i, n := range now {
		out[i] = n - w.before[i]
		w.before[i] = n
	}
	return out
}
