package explore

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// outcomes are the kinds of findings, in a fixed order.
func outcomes(r Result) []Outcome {
	var all []Outcome
	for _, f := range r.Findings {
		all = append(all, Outcome{f.Kind, f.Rule})
	}
	slices.SortFunc(all, func(a, b Outcome) int { return int(a.Kind)*100 + int(a.Rule) - int(b.Kind)*100 - int(b.Rule) })
	return all
}

// TestDepthFirst compares depth-first with breadth-first search: they differ in order, not in what there is.
func TestDepthFirst(t *testing.T) {
	for seed := range uint64(120) {
		g := newGraph(seed, 20+int(seed*7%700), []int{0, 1, 4}[seed%3], []int{0, 2, 16, 20}[seed%4])
		for _, depth := range []int{0, 1, 4, 9} {
			t.Run(fmt.Sprintf("%d/%d", seed, depth), func(t *testing.T) {
				opt := Options{Depth: depth, FindAll: true}
				want := explored(t, g.factory(), opt)
				opt.Strategy = DepthFirst
				got := explored(t, g.factory(), opt)
				if got.States != want.States || got.Transitions != want.Transitions || got.Skipped != want.Skipped ||
					got.Complete != want.Complete || got.Stopped != want.Stopped ||
					!slices.Equal(outcomes(got), outcomes(want)) || !slices.Equal(got.Counters, want.Counters) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				for _, f := range got.Findings {
					followed(t, g.factory()(), f)
					if depth > 0 && len(f.Path) > depth {
						t.Errorf("%d calls: %v", len(f.Path), f)
					}
				}
			})
		}
	}
}

func TestDepthFirstLimits(t *testing.T) {
	for _, k := range known {
		if k.states > 10_000 && !longtest.On() {
			continue
		}
		r := explored(t, newPVDP(k.n, k.l, k.e, 0, false), Options{Strategy: DepthFirst})
		if r.States != k.states || r.Transitions != k.transitions || !r.Complete {
			t.Errorf("%+v", r)
		}
	}
	f := newPVDP(4, 2, 1, 0, false)
	if r := explored(t, f, Options{Strategy: DepthFirst, MaxStates: 1000}); r.States != 1000 || r.Stopped != StopStates {
		t.Errorf("%+v", r)
	}
	if r := explored(t, f, Options{Strategy: DepthFirst, MaxMemory: 8 << 20}); r.Stopped != StopMemory || r.PeakMemory > 8<<20 {
		t.Errorf("%+v", r)
	}
	if r := explored(t, newSymmetric(4, 2, 1, 2), Options{Strategy: DepthFirst}); r.Stopped != StopFinding {
		t.Errorf("%+v", r)
	} else {
		followed(t, newPVDP(4, 2, 1, 2, false)(), r.Findings[0])
	}
}

func TestRandomWalk(t *testing.T) {
	for seed := range uint64(60) {
		g := newGraph(seed, 300, []int{0, 1, 3}[seed%3], []int{0, 2, 16, 20}[seed%4])
		for _, opt := range []Options{
			{Walks: 50}, {Walks: 300, FindAll: true}, {Walks: 100, MaxStates: 30}, {Walks: 100, MaxStates: 90, FindAll: true},
		} {
			opt.Strategy, opt.Seed, opt.Depth, opt.Workers = RandomWalk, seed, 20, 1
			want := plain(explored(t, g.factory(), opt))
			for _, opt.Workers = range []int{2, 5} {
				if got := plain(explored(t, g.factory(), opt)); !reflect.DeepEqual(got, want) {
					t.Errorf("seed %d %+v:\n got %+v\nwant %+v", seed, opt, got, want)
				}
			}
			for _, f := range want.Findings {
				followed(t, g.factory()(), f)
			}
			if want.Complete || want.Walks == 0 || want.Walks > opt.Walks || want.Diameter > 20 ||
				want.Stopped == StopNone && want.Walks != opt.Walks {
				t.Errorf("%+v", want)
			}
		}
	}
}

// TestRandomWalkCovers checks that walks see what there is to be seen if they are many, and not more.
func TestRandomWalkCovers(t *testing.T) {
	r := explored(t, newGrid(5), Options{Strategy: RandomWalk, Walks: 2000, Depth: 8, Seed: 1})
	if r.States != 25 || r.Transitions != 2000*8 || r.Diameter != 8 {
		t.Errorf("%+v", r)
	}
	r = explored(t, newPVDP(4, 2, 1, 0, false), Options{Strategy: RandomWalk, Depth: 50, Timeout: 50 * time.Millisecond})
	if r.Stopped != StopTimeout || r.Walks == 0 {
		t.Errorf("%+v", r)
	}
	a := explored(t, newPVDP(3, 2, 1, 0, false), Options{Strategy: RandomWalk, Depth: 50, Walks: 20, Seed: 1})
	b := explored(t, newPVDP(3, 2, 1, 0, false), Options{Strategy: RandomWalk, Depth: 50, Walks: 20, Seed: 2})
	if a.States == b.States && a.Skipped == b.Skipped {
		t.Errorf("two seeds gave the same: %+v", a)
	}
}
