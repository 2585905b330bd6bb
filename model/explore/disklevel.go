package explore

import "slices"

// level is what a search on disk remembers of the level being expanded.
type level struct {
	slices []slice
	notes  []noted
	known  uint64 // states before it
	bad    uint64 // new states that broke a rule
}

// diskLevel expands the states from s.next up to last, and settles what is found.
func (s *search) diskLevel(last uint64) error {
	x := s.store.(*disk)
	s.level = level{known: x.n}
	end := s.next
	for end < last && s.halt.Load() == 0 && (s.opt.FindAll || len(s.level.notes) == 0) {
		if err := x.load(end, last); err != nil {
			return err
		}
		if err := s.diskRound(x, end); err != nil {
			return err
		}
		end = s.round.expanded()
		if err := x.addRun(s.inOrder()); err != nil {
			return err
		}
		s.endRound()
		s.report()
	}
	if err := s.settleLevel(x, end); err != nil {
		return err
	}
	if s.stopped == StopNone && end < last {
		s.stopped = Reason(s.halt.Load())
	}
	return nil
}

// diskRound expands states from first on, until memory is full of candidates.
func (s *search) diskRound(x *disk, first uint64) error {
	r := &s.round
	r.front, r.base = x.front()
	r.first, r.last = first, x.base+x.window.n
	r.step = min(diskStep, max(1, (r.last-first)/uint64(8*len(s.workers))))
	s.openRound()
	share := x.budget / 4 / len(s.workers)
	r.soft, r.softBytes, r.time = share/(recordBytes+16), uint64(share), diskRoundTime
	s.muster(s.workers, (*worker).work)
	for _, w := range s.workers {
		for _, c := range w.slices {
			c.counters = slices.Clone(c.counters)
			s.level.slices = append(s.level.slices, c)
		}
	}
	s.level.notes = append(s.level.notes, s.notes()...)
	return s.err()
}

// settleLevel turns the candidates of the level into states; those before end have been expanded. As settle
// does, it goes by the keys alone, but judges states one by one in their order. After an error the level counts
// for nothing, except for the findings.
func (s *search) settleLevel(x *disk, end uint64) (err error) {
	next := s.next
	defer func() {
		if err != nil {
			x.n, s.next = s.level.known, next
		}
	}()
	limit := keyOf(end, 0)
	if notes := s.level.notes; !s.opt.FindAll && len(notes) > 0 {
		limit = min(limit, notes[0].key+1)
	}
	m, files, err := x.settle(limit)
	if err != nil {
		return err
	}
	cut, err := s.settleStates(x, m)
	m.close()
	if err != nil {
		return err
	}
	if err := x.drop(files...); err != nil {
		return err
	}
	if cut != noKey {
		end = cut >> callBits
	}
	for ; s.next < end; s.next++ {
		s.parents.done()
	}
	if err := s.addsUp(x, cut, files); err != nil {
		return err
	}
	s.addCounters(s.workers[0].delta(nil))
	s.tallySlices(s.level.slices, end)
	if cut != noKey {
		return s.recount(cut)
	}
	return nil
}

// settleStates goes through the new states and the findings of the level in order of their keys. It returns the
// key from which on nothing counts, or noKey.
func (s *search) settleStates(x *disk, m *merger) (cut uint64, err error) {
	cut = noKey
	for cut == noKey && (m.head() != nil || len(s.level.notes) > 0) {
		notes := s.level.notes // of one round after the other, so in order
		if e := m.head(); e == nil || len(notes) > 0 && notes[0].key < e.key {
			s.noteAt(notes[0])
			if s.stopped != StopNone {
				cut = notes[0].key + 1
			}
			s.level.notes = notes[1:]
			continue
		}
		cut = s.settleState(x, m.head())
		if err := m.next(); err != nil {
			return cut, err
		}
	}
	return cut, x.states.err
}

// addsUp compares the counts of a level that has been settled up to cut: each new state has been given a number
// or has broken a rule, and the parents know as many states as there are.
func (s *search) addsUp(x *disk, cut uint64, files []*spill) error {
	news := uint64(0)
	for _, f := range files {
		news += f.entries
	}
	p := &s.parents
	switch {
	case cut == noKey && x.n-s.level.known+s.level.bad != news:
		return misfit("of %d new states %d were stored and %d broke a rule", news, x.n-s.level.known, s.level.bad)
	case p.roots+p.ones != x.n || p.n-p.ones != s.next:
		return misfit("%d states have %d parents, %d of %d are expanded", x.n, p.roots+p.ones, p.n-p.ones, s.next)
	}
	return nil
}

// settleState judges a new state and gives it a number. It returns the key from which on nothing counts, or
// noKey.
func (s *search) settleState(x *disk, e *entry) (cut uint64) {
	w := s.workers[0]
	full := s.opt.MaxStates > 0 && x.n >= s.opt.MaxStates
	if full {
		s.addCounters(w.delta(nil)) // lest the judging of this state be counted
	}
	if w.looks() {
		w.m.Decode(e.state)
		if o := w.look(); o.Kind == Violated || o.Kind == Crashed {
			s.level.bad++
			s.noteAt(noted{o, e.key, true})
			if s.stopped != StopNone {
				return e.key + 1
			}
			return noKey
		}
	}
	if full {
		w.delta(nil)
		s.stopped = StopStates
		return e.key
	}
	for parent := e.key >> callBits; s.next < parent; s.next++ {
		s.parents.done()
	}
	s.parents.child()
	x.append(e.state)
	return noKey
}
