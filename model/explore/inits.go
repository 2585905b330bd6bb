package explore

// inits stores and judges the initial states.
func (s *search) inits() error {
	w := s.workers[0]
	judge, _ := w.m.(InitChecker)
	n := w.m.Inits()
	for i := 0; i < n && s.stopped == StopNone; i++ {
		w.m.Init(i)
		o := Outcome{}
		if judge != nil {
			o = judge.CheckInit()
		}
		if o.Kind == Moved && w.check != nil {
			if c := w.check.CheckState(); c.Kind == Violated || c.Kind == Crashed {
				o = c
			}
		}
		switch o.Kind {
		case Violated, Crashed:
			s.note(found{Outcome: o, init: true, parent: uint64(i)})
		case Moved:
			if err := s.addInit(w); err != nil {
				return err
			}
		}
	}
	s.parents.roots = s.store.len()
	s.addCounters(w.delta(nil))
	return nil
}

// addInit stores the working state as an initial state.
func (s *search) addInit(w *worker) error {
	if !w.push(s.store.len()) {
		return w.err
	}
	w.flush()
	if w.n == 0 || w.err != nil {
		return w.err // it equals an earlier one
	}
	if s.opt.MaxStates > 0 && s.store.len() >= s.opt.MaxStates {
		s.stopped = StopStates
	} else {
		s.store.add(s.inOrder(), s.workers)
	}
	s.fresh.clear()
	return nil
}
