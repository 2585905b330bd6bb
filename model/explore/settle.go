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
	notes := s.notes()
	cut, reason := uint64(noKey), StopNone // nothing from key cut on is counted
	if n := s.store.len(); s.opt.MaxStates > 0 && n+uint64(l.len()) > s.opt.MaxStates {
		cut, reason = l.items[s.opt.MaxStates-n].key, StopStates
	}
	for _, n := range notes {
		if n.key >= cut {
			break
		}
		s.note(found{
			Outcome: n.Outcome, depth: s.depth + 1, state: n.state,
			parent: n.key >> callBits, call: uint32(n.key & (maxCalls - 1)),
		})
		if s.stopped != StopNone {
			cut, reason = n.key+1, s.stopped
			break
		}
	}
	for n := l.len(); n > 0 && l.items[n-1].key >= cut; n-- {
		l.items = l.items[:n-1]
	}
	end := s.round.expanded()
	if reason != StopNone {
		s.stopped = reason
		end = cut >> callBits
	}
	s.keep(l, end)
	s.tally(end)
	if reason != StopNone {
		if err := s.recount(cut); err != nil {
			return err
		}
	}
	s.endRound()
	return nil
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

// keep makes states of those in line; the states before end have been expanded.
func (s *search) keep(l line, end uint64) {
	for _, it := range l.items {
		for from := it.key >> callBits; s.next < from; s.next++ {
			s.parents.done()
		}
		s.parents.child()
	}
	for ; s.next < end; s.next++ {
		s.parents.done()
	}
	s.store.add(l, s.workers)
}

// tally adds up the slices that end at or before state end.
func (s *search) tally(end uint64) {
	for _, w := range s.workers {
		for _, c := range w.slices {
			if c.to <= end {
				s.count.transitions += c.transitions
				s.count.skipped += c.skipped
				s.addCounters(c.counters)
			}
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

// recount counts the transitions before key cut in the slice in which it lies.
func (s *search) recount(cut uint64) error {
	state, calls := cut>>callBits, int(cut&(maxCalls-1))
	var from uint64
	for _, w := range s.workers {
		for _, c := range w.slices {
			if c.from <= state && state < c.to {
				from = c.from
			}
		}
	}
	w, err := newWorker(s.factory(), s.opt)
	if err != nil {
		return err
	}
	front, base := s.store.front()
	for r := front.find(from - base); from <= state; from++ {
		packed, after := front.next(r)
		r = after
		w.m.Decode(packed)
		w.calls = w.m.Calls(w.calls[:0])
		if from == state {
			w.calls = w.calls[:calls]
		}
		for _, c := range w.calls {
			if o := w.m.Apply(c); o.Kind == Skipped {
				s.count.skipped++
			} else {
				s.count.transitions++
			}
			w.m.Restore()
		}
	}
	s.addCounters(w.delta(nil))
	return nil
}

// endRound makes the workers ready for the next round.
func (s *search) endRound() {
	s.fresh.clear()
	for _, w := range s.workers {
		w.slices, w.found, w.bad = w.slices[:0], w.found[:0], w.bad[:0]
	}
}
