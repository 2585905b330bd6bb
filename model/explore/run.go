package explore

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// Run searches the system that the factory makes models of, and says what it found. A limit, a finding or
// the end of ctx ends the search without an error; the Result says how far it got. An error means that
// the question cannot be answered: options that do not go together, a model that breaks its contract or
// panics, a file that cannot be read or written.
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
		err = s.run()
	case DepthFirst:
		err = s.dive()
	case RandomWalk:
		err = s.wander()
	}
	if err != nil {
		return Result{}, err
	}
	if err := s.edges(); err != nil {
		return Result{}, err
	}
	return s.result()
}

// result sums up the search.
func (s *search) result() (Result, error) {
	r := Result{
		States: s.store.len(), Transitions: s.count.transitions, Skipped: s.count.skipped,
		PerDepth: s.levels(), Stopped: s.stopped, Complete: s.stopped == StopNone,
		Counters: s.counters,
		Symmetry: s.workers[0].canon != nil, PeakMemory: s.mem.peak + s.besides(),
	}
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
	r.Findings, err = s.findings()
	r.Duration = time.Since(s.began)
	return r, err
}
