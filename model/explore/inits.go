package explore

import "fmt"

// startsAt returns the numbers of the initial states to search from.
func (s *search) startsAt() []int {
	if s.opt.Inits != nil {
		return s.opt.Inits
	}
	all := make([]int, s.workers[0].m.Inits())
	for i := range all {
		all[i] = i
	}
	return all
}

// checkStarts refuses numbers of initial states that the model does not have.
func (s *search) checkStarts() error {
	n := s.workers[0].m.Inits()
	if l := len(s.opt.Inits); l > 0 && s.opt.Inits[l-1] >= n {
		return refuse("initial states", fmt.Sprintf("there is no number %d among %d", s.opt.Inits[l-1], n))
	}
	return nil
}

// inits stores and judges the initial states.
func (s *search) inits() error {
	w := s.workers[0]
	for _, i := range s.startsAt() {
		if s.stopped != StopNone {
			break
		}
		w.m.Init(i)
		switch o := w.judgeInit(); o.Kind {
		case Violated, Crashed:
			s.note(found{Outcome: o, init: true, parent: uint64(i)})
		case Moved:
			if err := s.addInit(w, i); err != nil {
				return err
			}
		}
	}
	s.store.endLevel()
	s.parents.roots = s.store.len()
	s.addCounters(w.delta(nil))
	s.noteLevel()
	return nil
}

// addInit stores the working state as initial state i.
func (s *search) addInit(w *worker, i int) error {
	if !w.push(uint64(i)) {
		return w.err
	}
	w.flush()
	if w.n == 0 || w.err != nil {
		return w.err // it equals an earlier one
	}
	if s.opt.MaxStates > 0 && s.store.len() >= s.opt.MaxStates {
		s.stopped = StopStates
	} else {
		l := s.inOrder()
		l.init = true
		s.store.add(l, s.workers)
	}
	s.fresh.clear()
	return nil
}

// judgeInit judges the working state, an initial one.
func (w *worker) judgeInit() (o Outcome) {
	if judge, ok := w.m.(InitChecker); ok {
		o = judge.CheckInit()
	}
	if o.Kind == Moved {
		if c := w.look(); c.Kind == Violated || c.Kind == Crashed {
			return c
		}
	}
	return o
}
