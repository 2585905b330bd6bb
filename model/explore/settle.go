package explore

import (
	"cmp"
	"slices"
)

// settle turns what a round has found into states, findings and counts. It goes by the keys alone, as if
// one worker had done everything in order; what comes after the transition at which the search stops is
// forgotten.
func (s *search) settle() error {
	l := s.inOrder()
	if s.saver != nil && s.overflows(&l) {
		if err := s.save(); err != nil { // the last moment at which the search can be resumed
			return err
		}
	}
	cut := s.judgeRound(&l)
	end := s.round.expanded()
	if cut != noKey {
		end = cut >> callBits
		s.part = int(cut & (maxCalls - 1))
	}
	s.keep(l, end)
	s.bury()
	s.tally(end, cut == noKey)
	if cut != noKey {
		if err := s.recount(cut); err != nil {
			return err
		}
	}
	s.endRound()
	return s.tooManyEdges()
}

// judgeRound keeps the findings of a round, and decides whether the search stops in it. It returns the key
// from which on nothing counts, or noKey, and shortens l accordingly.
func (s *search) judgeRound(l *line) (cut uint64) {
	cut = noKey
	stop := StopNone
	if s.overflows(l) {
		cut, stop = l.items[s.opt.MaxStates-s.store.len()].key, StopStates
	}
	for _, n := range s.notes() {
		if n.key >= cut {
			break
		}
		s.noteAt(n)
		if s.stopped != StopNone {
			cut, stop = n.key+1, s.stopped
			break
		}
	}
	if stop != StopNone {
		s.stopped = stop
	}
	for n := l.len(); n > 0 && l.items[n-1].key >= cut; n-- {
		l.items = l.items[:n-1]
	}
	return cut
}

// overflows says whether l has more states than there may be.
func (s *search) overflows(l *line) bool {
	return s.opt.MaxStates > 0 && s.store.len()+uint64(l.len()) > s.opt.MaxStates
}

// notes returns the findings of all workers in order of their keys.
func (s *search) notes() []noted {
	var all []noted
	for _, w := range s.workers {
		all = append(all, w.found...)
	}
	slices.SortFunc(all, func(a, b noted) int { return cmp.Compare(a.key, b.key) })
	return all
}

// note keeps a finding unless one of its kind is known; they come in order.
func (s *search) note(f found) {
	for _, g := range s.found {
		if g.Outcome == f.Outcome {
			return
		}
	}
	s.found = append(s.found, f)
	if !s.opt.FindAll {
		s.stopped = StopFinding
	}
}

// bury stores the states that broke a rule, so that they are not judged again.
func (s *search) bury() {
	l := line{owners: s.fresh.owners, size: s.workers[0].size}
	for i, w := range s.workers {
		for _, b := range w.bad {
			l.items = append(l.items, item{w.recs[b.rec].key, uint64(i)<<32 | uint64(b.rec)})
		}
	}
	if l.len() > 0 {
		s.graves.add(l, s.workers)
	}
}

// keep makes states of those in line; the states before end have been expanded.
func (s *search) keep(l line, end uint64) {
	left := s.store.add(l, s.workers)
	for i, it := range l.items {
		if len(left) > 0 && left[0] == i {
			left = left[1:]
			continue
		}
		for from := it.key >> callBits; s.next < from; s.next++ {
			s.parents.done()
		}
		s.parents.child()
	}
	for ; s.next < end; s.next++ {
		s.parents.done()
	}
}

// tally adds up what was counted in the states before end.
func (s *search) tally(end uint64, judged bool) {
	for _, w := range s.workers {
		s.tallySlices(w.slices, end)
		if judged {
			s.addCounters(w.judged)
		}
	}
}

// tallySlices adds up slices that end at or before state end.
func (s *search) tallySlices(all []slice, end uint64) {
	for _, c := range all {
		if c.to <= end {
			s.count.add(c.tally)
			s.addCounters(c.counters)
		}
	}
}

// addCounters adds to the counters.
func (s *search) addCounters(by []uint64) {
	if s.counters == nil && by != nil {
		s.counters = make([]uint64, len(by))
	}
	for i, n := range by {
		s.counters[i] += n
	}
}

// recount counts the transitions before key cut in the slice in which it lies, on a model of its own; and
// what is counted in judging the new states before cut.
func (s *search) recount(cut uint64) error {
	w, err := newWorker(s.factory(), s.opt)
	if err != nil {
		return err
	}
	state, calls := cut>>callBits, int(cut&(maxCalls-1))
	for from := s.sliceOf(state); from <= state; from++ {
		packed, err := s.store.state(from)
		if err != nil {
			return err
		}
		w.m.Decode(packed)
		w.orbits.enter()
		w.calls = w.m.Calls(w.calls[:0])
		if from == state {
			w.calls = w.calls[:calls]
		}
		for _, c := range w.calls {
			if o := w.m.Apply(c); o.Kind == Skipped {
				s.count.skipped++
			} else {
				s.count.transitions++
				w.orbits.moved(1)
			}
			w.m.Restore()
		}
	}
	if w.counts() && w.looks() {
		s.rejudge(w, cut)
	}
	s.addCounters(w.delta(nil))
	return nil
}

// noteAt keeps a finding at a key of the present level.
func (s *search) noteAt(n noted) {
	s.note(found{
		Outcome: n.Outcome, depth: s.depth + 1, state: n.state,
		parent: n.key >> callBits, call: uint32(n.key & (maxCalls - 1)),
	})
}

// sliceOf returns the first state of the slice that a state was expanded in.
func (s *search) sliceOf(state uint64) uint64 {
	all := slices.Clone(s.level.slices)
	for _, w := range s.workers {
		all = append(all, w.slices...)
	}
	for _, c := range all {
		if c.from <= state && state < c.to {
			return c.from
		}
	}
	return state
}

// rejudge has w look at the records before key cut once more, for the sake of what it counts.
func (s *search) rejudge(w *worker, cut uint64) {
	var buf [16]byte
	for _, o := range s.fresh.owners {
		for k := range o.n {
			if r := &o.recs[k]; r.key < cut {
				w.m.Decode(o.packed(r, &buf, w.size))
				w.look()
			}
		}
	}
}

// endRound makes the workers ready for the next round.
func (s *search) endRound() {
	s.fresh.clear()
	for _, w := range s.workers {
		w.slices, w.found, w.bad = w.slices[:0], w.found[:0], w.bad[:0]
		clear(w.judged)
	}
}
