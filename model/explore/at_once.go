package explore

// Successor is a state that one call leads to, as words: its bytes, the first being the lowest
// of Lo, padded with zeros.
type Successor struct {
	Lo, Hi uint64
	Call   int // index of the call in what Calls gives
}

// WordExpander is implemented by models with a FixedSize of at most 16 bytes, and no outcomes but
// Moved and Skipped, that can make all calls of a state at once. The engine uses it where it can, and
// the single calls elsewhere: both must give the same.
type WordExpander interface {
	// MostCalls is the largest number of calls in any state.
	MostCalls() int
	// ExpandWords makes every call of the working state, and leaves that as it was. It appends the
	// successors in the order of their calls, or with canonical set the representatives of
	// their classes, and returns how many calls there were. ok is false if it cannot: then it has
	// done nothing.
	ExpandWords(dst []Successor, canonical bool) (successors []Successor, calls int, ok bool)
}

// expandsWhole uses the model as a WordExpander if it is one.
func (w *worker) expandsWhole() {
	if m, ok := w.m.(WordExpander); ok && m.MostCalls() <= maxCalls {
		w.whole, w.most = m, m.MostCalls()
	}
}

// expandAtOnce is expand for a WordExpander. It reports whether state w.at has been expanded:
// where the store is nearly full it leaves that to the single calls, which can stop half-way.
func (w *worker) expandAtOnce() bool {
	if w.need = w.most; w.loaded || !w.room() {
		return false
	}
	state, after := w.round.front.next(w.place)
	w.m.Decode(state)
	w.orbits.enter()
	successors, calls, ok := w.whole.ExpandWords(w.successors[:0], w.canon != nil)
	if w.successors = successors; !ok {
		w.whole = nil
		return false
	}
	w.place = after
	b, base := &w.batch, keyOf(w.at, 0)
	for i := range successors {
		s := &successors[i]
		p := &b.stage[b.staged&(batchLen-1)]
		p.key, p.lo, p.hi = base+uint64(s.Call), s.Lo, s.Hi
		if b.staged++; b.staged == batchLen {
			w.sift()
		}
	}
	w.slice.transitions += uint64(len(successors))
	w.orbits.moved(len(successors))
	w.slice.skipped += uint64(calls - len(successors))
	return true
}
