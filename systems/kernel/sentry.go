package kernel

import (
	"context"
	"sync"
	"time"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// stuckRule is the class of a call that does not return, among those of crashes.
const stuckRule = int16(model.CrashStopped) + 1

// findWay searches again for the shortest way to a call that does not return, each on a
// goroutine that can be left behind. Where two results are what is wrong, any call returns:
// there it is the call that was made in the state that is known. It takes somewhat longer
// than the search up to there, and is given up where it takes far longer: code that
// remembers something need not get there again.
func (h *halted) findWay(ctx context.Context, o explore.Options, took time.Duration) {
	if _, ok := h.Trouble.(*systems.Lopsided); ok {
		return // two states and a call say it all; no run need reach either
	}
	ctx, cancel := context.WithTimeout(ctx, 4*took+time.Second)
	defer cancel()
	x := &hunt{sys: h.sys, known: map[string]uint64{}}
	if _, ok := h.Trouble.(*systems.Fickle); ok {
		x.known[string(h.at)] = h.call
	}
	r, err := explore.Run(ctx, x.model, explore.Options{Depth: o.Depth, Workers: o.Workers, FindAll: true})
	if err != nil {
		return
	}
	for _, f := range r.Findings {
		if f.Kind != explore.Crashed || f.Rule != stuckRule {
			continue
		}
		at := h.Halted()
		at.Way, at.Calls = &f, []string{}
		for _, c := range h.sys.wayOf(f) {
			at.Calls = append(at.Calls, c.String())
		}
		at.Start, at.Call = h.sys.Inits[f.Init].Name, at.Calls[len(at.Calls)-1]
	}
}

// hunt is a search for a call that ends no search well.
type hunt struct {
	sys *System

	mu    sync.Mutex
	known map[string]uint64 // by state: the call in it that is looked for
	met   bool              // some model has come to one
}

// model makes one more model. Those that are made once such a call has been met rebuild
// the way to it; the others have nothing more to do then.
func (h *hunt) model() explore.Model {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &sentry{hunt: h, rebuilds: h.met}
	s.renew()
	return s
}

// sentry is a model that leaves behind what does not return.
type sentry struct {
	*hunt
	m        *Model
	here     []byte // the state that Restore goes back to
	rebuilds bool
}

// renew begins with a fresh model: the last one is in the hands of a call.
func (s *sentry) renew() {
	s.m = s.sys.NewModel()
	s.m.once()
	s.m.note = func(*halted) {} // of its own watch
	if s.here != nil {
		s.m.Decode(s.here)
	}
}

// try carries something out, and reports whether it returns.
func (s *sentry) try(fn func()) bool {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		fn()
	}()
	t := time.NewTimer(s.sys.patience / 4)
	defer t.Stop()
	select {
	case r := <-done:
		if _, gone := r.(*systems.Gone); gone {
			return false
		}
		if r != nil {
			panic(r)
		}
		return true
	case <-t.C:
		return false
	}
}

// wanted is the call of the present state that is looked for; over says that the hunt has
// met one elsewhere and this model has nothing to do any more.
func (s *sentry) wanted() (code uint64, ok, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code, ok = s.known[string(s.here)]
	s.met = s.met || ok
	return code, ok, !ok && !s.rebuilds && s.met
}

// found notes down that a call of the present state does not return.
func (s *sentry) found(call uint64) {
	s.mu.Lock()
	s.known[string(s.here)], s.met = call, true
	s.mu.Unlock()
	s.renew()
}

func (s *sentry) Calls(dst []uint64) []uint64 {
	code, ok, over := s.wanted()
	switch {
	case over:
		return dst
	case ok:
		return append(dst, code)
	}
	calls := make(chan []uint64, 1) // which nobody reads if it does not return
	m := s.m
	if !s.try(func() { calls <- m.Calls(nil) }) {
		code := m.watch.doing.Load() // on trial
		s.found(code)
		return append(dst, code)
	}
	return append(dst, <-calls...)
}

func (s *sentry) Apply(call uint64) explore.Outcome {
	hangs := explore.Outcome{Kind: explore.Crashed, Rule: stuckRule}
	switch code, ok, over := s.wanted(); {
	case ok && code == call:
		return hangs
	case ok || over:
		return explore.Outcome{Kind: explore.Skipped}
	}
	out := make(chan explore.Outcome, 1) // which nobody reads if it does not return
	m := s.m
	if !s.try(func() { out <- m.Apply(call) }) {
		s.found(call)
		return hangs
	}
	return <-out
}

func (s *sentry) Init(i int) {
	s.m.Init(i)
	s.here = s.m.Encode(nil)
}

func (s *sentry) Decode(src []byte) {
	s.here = append(s.here[:0], src...)
	s.m.Decode(src)
}

func (s *sentry) Inits() int                 { return s.m.Inits() }
func (s *sentry) CheckInit() explore.Outcome { return s.m.CheckInit() }
func (s *sentry) Encode(dst []byte) []byte   { return s.m.Encode(dst) }
func (s *sentry) Restore()                   { s.m.Restore() }
