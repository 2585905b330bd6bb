package serve

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// runs is the search that goes on behind the pages: one at a time, and what each graph's
// last one came to.
type runs struct {
	memory uint64 // bound of a search's storage, in bytes
	wait   sync.WaitGroup

	mu   sync.Mutex
	now  *run // nil: none
	last map[*graph]*run
}

// run is a search under way, or one that is over.
type run struct {
	graph *graph
	depth int // as asked for; 0: until nothing is new
	stop  context.CancelFunc

	mu       sync.Mutex
	progress explore.Progress
	result   *explore.Result // nil while it goes on
	err      error
}

func newRuns(memory uint64) *runs { return &runs{memory: memory, last: map[*graph]*run{}} }

// errBusy says that there is a search already.
var errBusy = errors.New("another search is under way: stop it first, or wait for it")

// start begins the search of a graph. It ends with ctx at the latest.
func (r *runs) start(ctx context.Context, g *graph, depth int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		return errBusy
	}
	ctx, stop := context.WithCancel(ctx)
	x := &run{graph: g, depth: depth, stop: stop}
	r.now, r.last[g] = x, x
	r.wait.Go(func() {
		defer stop()
		x.do(ctx, r.memory)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.now = nil
	})
	return nil
}

// stop ends the search that is under way, if any.
func (r *runs) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.now.stop()
	}
}

// of is the last run of a graph, nil if there was none, and current is the one that is
// under way.
func (r *runs) of(g *graph) (last, current *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[g], r.now
}

// do searches with one worker: states are seen in the same order then, however many there
// is room for.
func (x *run) do(ctx context.Context, memory uint64) {
	s := x.graph.search
	o := explore.Options{
		Depth: x.depth, Workers: 1, MaxMemory: memory, MaxStates: s.Budget, FindAll: true, NoSymmetry: true,
		ProgressEvery: time.Second / 4,
		Progress: func(p explore.Progress) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.progress = p
		},
	}
	if s.Deepest > 0 && (o.Depth == 0 || o.Depth > s.Deepest) {
		o.Depth = s.Deepest
	}
	r, err := s.RunWith(ctx, func(m explore.Model) systems.Outer {
		return &recorder{Model: m, seen: x.graph.seen, init: -1}
	}, o)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.depth, x.result, x.err = o.Depth, &r, err
}

// status is a run as a page shows it.
type status struct {
	Going    bool
	Progress explore.Progress
	Result   explore.Result
	Headline string // of a run that is over and has found nothing
	Error    string
	Findings []finding
	Vacuous  []string
}

// finding is something that a run has found.
type finding struct {
	Breaks, Address string
	Calls           int
}

// status tells how far a run is.
func (x *run) status() status {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := status{Going: x.result == nil, Progress: x.progress}
	if s.Going {
		return s
	}
	s.Result = *x.result
	if x.err != nil {
		s.Error = x.err.Error()
		return s
	}
	g := x.graph
	for _, f := range s.Result.Findings {
		s.Findings = append(s.Findings, finding{
			Breaks: g.search.Breaks(f).String(), Address: g.address(place{f.Init, f.Path}), Calls: len(f.Path),
		})
	}
	o := systems.Outcome{Search: g.search, Result: s.Result, Depth: x.depth}
	s.Vacuous = o.Vacuous()
	if len(s.Findings) == 0 {
		s.Headline = o.Headline()
	}
	return s
}

// first is the address of the first finding, "" while none is known.
func (r *runs) first(g *graph) string {
	last, _ := r.of(g)
	if last == nil {
		return ""
	}
	if f := last.status().Findings; len(f) > 0 {
		return f[0].Address
	}
	return ""
}

// deepest is the depth that a search of a graph is asked for unless somebody says
// otherwise.
func (g *graph) deepest() int { return cmp.Or(max(g.search.Depth, 0), g.search.Deepest) }
