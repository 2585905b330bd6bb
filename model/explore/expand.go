package explore

import (
	"encoding/binary"
	"fmt"
)

// work expands slices until the round ends, or until there is no room for the calls of the next state:
// then it returns true, and is to be called again with more.
func (w *worker) work() (more bool) {
	defer w.guard()
	for w.at < w.end || w.take() {
		for w.at < w.end {
			if !w.expand() {
				if w.err != nil {
					w.round.stop.Store(true)
				}
				return w.err == nil
			}
			w.at++
		}
		w.closeSlice()
	}
	w.flush()
	return false
}

// take begins the next slice, if the round still gives one out.
func (w *worker) take() bool {
	r := w.round
	if r.stop.Load() {
		return false
	}
	from := r.first + (r.ticket.Add(1)-1)*r.step
	if from >= r.last {
		return false
	}
	w.at, w.end = from, min(from+r.step, r.last)
	w.place = r.front.find(from - r.base)
	w.slice = slice{from: from, to: w.end}
	return true
}

// load decodes state w.at and lists its calls.
func (w *worker) load() {
	state, after := w.round.front.next(w.place)
	w.m.Decode(state)
	w.orbits.enter()
	if w.later != nil {
		w.calls = w.later.FirstCalls(w.calls[:0])
	} else {
		w.calls = w.m.Calls(w.calls[:0])
	}
	w.place = after
	w.loaded, w.made, w.listed = true, 0, w.later == nil
}

// expand makes all calls in state w.at. It says false when there is no room for their successors, or
// after an error; with more room it goes on where it was.
func (w *worker) expand() bool {
	if w.whole != nil && w.expandAtOnce() {
		return w.err == nil
	}
	if !w.loaded {
		w.load()
	}
	if !w.makeCalls() {
		return false
	}
	if !w.listed {
		w.calls, w.listed = w.later.LaterCalls(w.calls), true
		if !w.makeCalls() {
			return false
		}
	}
	w.loaded = false
	return true
}

// makeCalls makes the calls that are listed and have not been made.
func (w *worker) makeCalls() bool {
	if w.need = len(w.calls) - w.made; !w.room() {
		return false
	}
	if len(w.calls) > maxCalls {
		w.err = refuse("calls", fmt.Sprintf("%d in one state, at most %d are possible", len(w.calls), maxCalls))
		return false
	}
	switch {
	case w.step != nil:
		w.stepWords(keyOf(w.at, 0))
	case w.words && w.canon == nil:
		w.callWords(keyOf(w.at, 0))
	default:
		w.callBytes(w.calls[w.made:], keyOf(w.at, 0)+uint64(w.made))
	}
	w.made = len(w.calls)
	return w.err == nil
}

// callBytes makes calls in the working state, the first at key base.
func (w *worker) callBytes(calls []uint64, base uint64) {
	for i, c := range calls {
		o := w.m.Apply(c)
		if o.Kind == Moved {
			w.slice.transitions++
			w.orbits.moved(1)
			if !w.push(base + uint64(i)) {
				return
			}
		} else {
			w.count(o, base+uint64(i))
		}
		w.m.Restore()
	}
}

// callWords is callBytes for states in words, without symmetry. It is the loop that everything waits for.
func (w *worker) callWords(base uint64) {
	m, b, word := w.m, &w.batch, &w.word
	var moved uint64
	for i, c := range w.calls {
		o := m.Apply(c)
		if o.Kind == Moved {
			state := m.Encode(word[:0])
			if len(state) != w.size {
				w.err = w.checkLen(len(state))
				return
			}
			if &state[0] != &word[0] {
				copy(word[:], state) // it did not fit and was moved for a while
			}
			p := &b.stage[b.staged&(batchLen-1)]
			p.key = base + uint64(i)
			p.lo = binary.LittleEndian.Uint64(word[:8]) & w.loMask
			p.hi = binary.LittleEndian.Uint64(word[8:]) & w.hiMask
			if b.staged++; b.staged == batchLen {
				w.sift()
			}
			moved++
		} else {
			w.count(o, base+uint64(i))
		}
		m.Restore()
	}
	w.slice.transitions += moved
}

// stepWords is callWords for a WordStepper.
func (w *worker) stepWords(base uint64) {
	m, b := w.step, &w.batch
	var moved uint64
	for i, c := range w.calls {
		lo, hi, o := m.StepWords(c)
		if o.Kind != Moved {
			w.count(o, base+uint64(i))
			continue
		}
		p := &b.stage[b.staged&(batchLen-1)]
		p.key, p.lo, p.hi = base+uint64(i), lo, hi
		if b.staged++; b.staged == batchLen {
			w.sift()
		}
		moved++
	}
	w.slice.transitions += moved
}

// count counts the outcome of a call that has not moved.
func (w *worker) count(o Outcome, key uint64) {
	if o.Kind == Skipped {
		w.slice.skipped++
		return
	}
	w.slice.transitions++
	w.orbits.moved(1)
	w.note(noted{Outcome: o, key: key})
}

// room says whether there is room for the successors that w.need announces.
func (w *worker) room() bool { return w.n+w.batch.waiting()+w.need <= len(w.recs) }

// push sends the working state on its way into the store.
func (w *worker) push(key uint64) bool {
	if w.deaf {
		return true
	}
	if !w.words {
		state := w.key()
		if w.err = w.checkLen(len(state)); w.err != nil {
			return false
		}
		w.pushBytes(key, state)
		return w.err == nil
	}
	var state []byte
	if w.canon != nil {
		state = w.canon.Canon(w.word[:0])
	} else {
		state = w.m.Encode(w.word[:0])
	}
	if len(state) != w.size {
		w.err = w.checkLen(len(state))
		return false
	}
	if &state[0] != &w.word[0] {
		copy(w.word[:], state) // it did not fit and was moved for a while
	}
	lo, hi := binary.LittleEndian.Uint64(w.word[:8]), binary.LittleEndian.Uint64(w.word[8:])
	w.pushWords(key, lo&w.loMask, hi&w.hiMask)
	return true
}
