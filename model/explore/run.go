package explore

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// Run searches the system that the factory makes models of, and says what it found. A limit, a finding or
// the end of ctx ends the search without an error; the Result says how far it got. An error means that
// the question cannot be answered: options that do not go together, a model that breaks its contract or
// panics, a file that cannot be read or written. With a [PartialError] the Result says what had been found out
// before; with any other error it says nothing. See also [NondeterminismError].
func Run(ctx context.Context, f Factory, opt Options) (r Result, err error) {
	defer func() {
		if x := recover(); x != nil {
			r, err = Result{}, fmt.Errorf("explore: panic: %v\n%s", x, debug.Stack())
		}
	}()
	if f == nil {
		return Result{}, refuse("factory", "is nil")
	}
	if err := opt.check(); err != nil {
		return Result{}, err
	}
	s, err := newSearch(f, opt.withDefaults())
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	defer s.watch(ctx)()
	switch opt.Strategy {
	case BreadthFirst:
		if err := s.start(); err != nil {
			return Result{}, err
		}
		err = s.run()
	case DepthFirst:
		err = s.dive()
	case RandomWalk:
		err = s.wander()
	}
	if err != nil {
		return s.partial(err)
	}
	if err := s.edges(); err != nil {
		return Result{}, err
	}
	return s.whole()
}

// partial is the end of a search that an error has stopped.
func (s *search) partial(err error) (Result, error) {
	if !ofFile(err) {
		return Result{}, err
	}
	ended := s.stopped
	for _, n := range slices.Concat(s.level.notes, s.notes()) { // what was found and not settled yet
		if s.opt.FindAll || len(s.found) == 0 {
			s.noteAt(n)
		}
	}
	s.stopped = ended
	r, e := s.result()
	if e != nil {
		err = fmt.Errorf("%w; %w", err, e)
	}
	return r, &PartialError{err}
}

// whole is the end of a search that has done what it was to do.
func (s *search) whole() (Result, error) {
	r, err := s.result()
	if ofFile(err) {
		return r, &PartialError{err}
	}
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

// ofFile says whether an error leaves what was found out before as it is.
func ofFile(err error) bool {
	var broken *fileError
	return errors.As(err, &broken)
}

// result sums up the search.
func (s *search) result() (Result, error) {
	r := Result{
		States: s.store.len(), Transitions: s.count.transitions, Skipped: s.count.skipped,
		PerDepth: s.levels(), Stopped: s.stopped, Complete: s.stopped == StopNone,
		Levels: s.levelled, Symmetry: s.workers[0].canon != nil, PeakMemory: s.mem.peak + s.besides(),
	}
	var all orbitSums
	r.Counters, all = s.workers[0].orbits.split(s.counters)
	r.AllStates, r.AllTransitions = all[0], all[1]
	r.Diameter = max(0, len(r.PerDepth)-1)
	if r.States > 0 {
		rest := s.store.used() + s.parents.used() + s.own
		r.BytesPerState = float64(rest) / float64(r.States)
	}
	if s.opt.Strategy != BreadthFirst {
		r.PerDepth = nil
		r.Diameter = s.count.deepest
	}
	if s.opt.Strategy == RandomWalk {
		r.Walks, r.Complete = s.next, false
	}
	if x, ok := s.store.(*disk); ok {
		r.DiskBytes = x.peak
	}
	if s.opt.Store != Exact {
		r.Omission = omission(r.States, s.opt.Store.hashWords())
	}
	var err error
	if r.Findings, err = s.findings(); err != nil {
		r.Stopped, r.Complete = StopError, false
		err = fmt.Errorf("%w, and the way to a finding is lost", err)
	}
	r.Duration = time.Since(s.began)
	return r, err
}
