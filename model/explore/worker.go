package explore

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// worker expands states with a model of its own. In a round it works by itself: it reads the store, and
// shares with others nothing but the fresh states and the round's ticket.
type worker struct {
	m              Model
	canon          Canonicalizer // nil without symmetry
	check          StateChecker  // nil if the model has none
	orbits         orbits
	step           WordStepper  // nil if the model is none
	whole          WordExpander // nil if the model is none
	later          Discoverer   // nil if the model is none
	tells          Counter      // nil if the model does not count
	size           int          // length of a state, 0 if it varies
	words          bool         // states are handled as words
	loMask, hiMask uint64

	round  *round
	store  store
	table  *table // of the store, to be asked for early
	graves *exact // states that broke a rule
	fresh  *fresh
	*owner
	batch  batch
	recent []uint64

	at, end    uint64 // states of the slice still to expand
	place      ref    // of state at
	need       int    // records that the next state may take
	loaded     bool   // state at is decoded and its calls are listed
	listed     bool   // all of them; otherwise those that are found by making others are not
	made       int    // how many of them have been made
	calls      []uint64
	most       int         // calls in a state, at most; for a WordExpander
	successors []Successor // of a state, of a WordExpander
	buf        []byte
	word       [16]byte
	walk       walk // of a random walk
	deaf       bool // it does not store what it finds

	slice    slice // what has been counted since the slice began
	counters []uint64
	slices   []slice // of this round
	found    []noted
	bad      []badState
	judged   []uint64 // what has been counted in judging the states of this round
	err      error
}

// slice is a number of neighbouring states with the tally of what their expansion gave.
type slice struct {
	from, to uint64
	tally
	counters []uint64
}

// tally counts calls by what came of them.
type tally struct {
	transitions, skipped uint64
	deepest              int // calls in a row, where that is of interest
}

// add adds another tally.
func (t *tally) add(by tally) {
	t.transitions += by.transitions
	t.skipped += by.skipped
	t.deepest = max(t.deepest, by.deepest)
}

// noted is a finding at a key.
type noted struct {
	Outcome
	key   uint64
	state bool // the successor was judged, not the transition
}

// badState is a record whose state broke a rule.
type badState struct {
	rec int
	Outcome
}

// newWorker makes a worker with model m.
func newWorker(m Model, opt Options) (*worker, error) {
	w := &worker{m: m}
	if !opt.NoSymmetry {
		w.canon, _ = m.(Canonicalizer)
	}
	w.check, _ = m.(StateChecker)
	w.orbits = orbitsOf(m, opt)
	w.tells, _ = m.(Counter)
	if fs, ok := m.(FixedSize); ok {
		w.size = fs.StateSize()
		if w.size < 1 || w.size > maxStateLen {
			return nil, refuse("state size", fmt.Sprintf("%d bytes; it must be from 1 to %d", w.size, maxStateLen))
		}
	}
	w.words = w.size > 0 && w.size <= 16
	switch {
	case !w.words:
		w.later, _ = m.(Discoverer)
	case w.canon == nil:
		w.step, _ = m.(WordStepper)
	}
	if w.words {
		w.expandsWhole()
	}
	w.loMask = ^uint64(0) >> (8 * max(0, 8-w.size))
	w.hiMask = ^uint64(0) >> (8 * min(8, 16-min(16, w.size)))
	return w, nil
}

// key returns the bytes by which the working state is stored, valid until the next call of key.
func (w *worker) key() []byte {
	if w.canon != nil {
		w.buf = w.canon.Canon(w.buf[:0])
	} else {
		w.buf = w.m.Encode(w.buf[:0])
	}
	return w.buf
}

// checkLen makes sure that a state has a length that can be stored.
func (w *worker) checkLen(n int) error {
	switch {
	case w.size > 0 && n != w.size:
		return fmt.Errorf("explore: state size: Encode or Canon gave %d bytes, StateSize says %d", n, w.size)
	case n > maxStateLen:
		return fmt.Errorf("explore: state size: %d bytes, at most %d are possible", n, maxStateLen)
	}
	return nil
}

// guard turns a panic of the model into an error.
func (w *worker) guard() {
	if x := recover(); x != nil {
		w.err = fmt.Errorf("explore: model: panic at state %d: %v\n%s", w.at, x, debug.Stack())
		w.round.stop.Store(true)
	}
}

// closeSlice puts the tally of the slice aside.
func (w *worker) closeSlice() {
	k := len(w.slices)
	if k < cap(w.slices) {
		w.slices = w.slices[:k+1]
		w.slice.counters = w.slices[k].counters // room from an earlier round
		clear(w.slice.counters)
	} else {
		w.slices = append(w.slices, slice{})
	}
	w.slice.counters = w.delta(w.slice.counters)
	w.slices[k] = w.slice
	w.slice.counters = nil
	if w.n > w.round.soft || w.owner.end > w.round.softBytes || time.Since(w.round.began) > w.round.time {
		w.round.stop.Store(true)
	}
}

// counts reports whether anything is counted.
func (w *worker) counts() bool { return w.tells != nil || w.orbits.model != nil }

// delta adds to sum what has been counted since the last time.
func (w *worker) delta(sum []uint64) []uint64 {
	if !w.counts() {
		return sum
	}
	var now []uint64
	if w.tells != nil {
		now = w.tells.Counters()
	}
	now = w.orbits.counters(now)
	if sum == nil {
		sum = make([]uint64, len(now))
	}
	if w.counters == nil {
		w.counters = make([]uint64, len(now))
	}
	for i, n := range now {
		sum[i] += n - w.counters[i]
		w.counters[i] = n
	}
	return sum
}

// note keeps the earliest finding of each kind, or the earliest of all if one is enough.
func (w *worker) note(n noted) {
	if !w.round.findAll {
		w.round.stop.Store(true)
	}
	for i := range w.found {
		if g := &w.found[i]; g.Outcome == n.Outcome {
			if n.key < g.key {
				*g = n
			}
			return
		}
	}
	w.found = append(w.found, n)
}

// looks reports whether each new state is looked at.
func (w *worker) looks() bool { return w.check != nil || w.orbits.model != nil }

// look counts the working state, which is new, and asks the StateChecker about it.
func (w *worker) look() Outcome {
	w.orbits.met()
	if w.check == nil {
		return Outcome{}
	}
	return w.check.CheckState()
}

// judge looks at the records of this worker.
func (w *worker) judge() {
	defer w.guard()
	var buf [16]byte
	for k := range w.n {
		w.m.Decode(w.packed(&w.recs[k], &buf, w.size))
		if o := w.look(); o.Kind == Violated || o.Kind == Crashed {
			w.bad = append(w.bad, badState{k, o})
			w.note(noted{o, atomic.LoadUint64(&w.recs[k].key), true})
		}
	}
	w.judged = w.delta(w.judged)
}
