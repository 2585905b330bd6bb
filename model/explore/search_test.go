package explore

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestGrid(t *testing.T) {
	r := explored(t, newGrid(30), Options{})
	if r.States != 900 || r.Diameter != 58 || r.Transitions != 2*29*30 || r.Skipped != 60 || !r.Complete {
		t.Errorf("%+v", r)
	}
	for d, n := range r.PerDepth {
		if want := min(d+1, 59-d); n != uint64(want) {
			t.Errorf("depth %d: %d states, want %d", d, n, want)
		}
	}
}

func TestPuzzle(t *testing.T) {
	r := explored(t, newPuzzle, Options{})
	if r.States != 360 || r.Diameter != 21 || !r.Complete || r.Findings != nil {
		t.Errorf("%+v", r)
	}
}

func TestDepthLimit(t *testing.T) {
	for _, c := range []struct {
		depth    int
		states   uint64
		complete bool
	}{{1, 3, false}, {3, 10, false}, {8, 25, false}, {9, 25, true}} {
		r := explored(t, newGrid(5), Options{Depth: c.depth})
		if r.States != c.states || r.Complete != c.complete || (r.Stopped == StopDepth) == c.complete {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// TestFaults looks for the faults of the two buggy variants of PV-DP: they are as many calls away as other
// tools say, whether rule 1 alone is judged or all are.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ n, l, e, bug, calls, callsAll int }{
		{3, 2, 1, 1, 2, 1}, {4, 2, 1, 1, 2, 1}, {4, 3, 1, 1, 2, 1}, {3, 2, 2, 1, 1, 1},
		{3, 2, 1, 2, 3, 2}, {4, 2, 1, 2, 3, 2}, {4, 3, 1, 2, 3, 2}, {3, 2, 2, 2, 3, 2},
	} {
		for _, each := range []bool{false, true} {
			all := newPVDP(c.n, c.l, c.e, c.bug, each)
			one := func() Model {
				d := all().(*pvdp)
				d.rules = 1 << 1
				return d
			}
			for _, want := range []struct {
				f     Factory
				calls int
			}{{one, c.calls}, {all, c.callsAll}} {
				r := explored(t, want.f, Options{})
				if len(r.Findings) != 1 || len(r.Findings[0].Path) != want.calls || r.Stopped != StopFinding || r.Complete {
					t.Errorf("%+v: want %d calls, got %+v", c, want.calls, r)
					continue
				}
				followed(t, want.f(), r.Findings[0])
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := Run(ctx, newGrid(2000), Options{})
	if err != nil || r.Stopped != StopInterrupt || r.Complete {
		t.Errorf("%+v, %v", r, err)
	}
	r = explored(t, newPVDP(5, 2, 1, 0, false), Options{Timeout: 30 * time.Millisecond})
	if r.Stopped != StopTimeout || r.Complete || r.States == 0 {
		t.Errorf("%+v", r)
	}
	r = explored(t, newPVDP(5, 2, 1, 0, false), Options{MaxMemory: 32 << 20})
	if r.Stopped != StopMemory || r.PeakMemory > 32<<20 || r.States < 100_000 {
		t.Errorf("%+v", r)
	}
}

func TestProgress(t *testing.T) {
	var seen []Progress
	explored(t, newPVDP(4, 2, 1, 0, false), Options{
		Progress: func(p Progress) { seen = append(seen, p) }, ProgressEvery: time.Millisecond,
	})
	if len(seen) < 3 {
		t.Fatalf("%d reports", len(seen))
	}
	for i, p := range seen[1:] {
		if p.States < seen[i].States || p.Depth < seen[i].Depth || p.Elapsed <= seen[i].Elapsed || p.Memory == 0 {
			t.Errorf("%+v after %+v", p, seen[i])
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	edge := func(Edge) error { return nil }
	for _, c := range []struct {
		want string
		opt  Options
	}{
		{"depth: ", Options{Depth: -1}},
		{"workers: ", Options{Workers: -1}},
		{"workers: ", Options{Workers: 1000}},
		{"timeout: ", Options{Timeout: -1}},
		{"strategy: unknown", Options{Strategy: 9}},
		{"store: unknown", Options{Store: 9}},
		{"seed and walks: only a random walk", Options{Seed: 3}},
		{"seed and walks: only a random walk", Options{Walks: 3, Strategy: DepthFirst}},
		{"interval: ", Options{ProgressEvery: -1}},
		{"progress interval: ", Options{ProgressEvery: 1}},
		{"checkpoint interval: ", Options{CheckpointEvery: 1}},
		{"resume: ", Options{Resume: true}},
		{"edge limit: ", Options{MaxEdges: 1}},
		{"strategy dfs: has no store hash64", Options{Strategy: DepthFirst, Store: Compact64}},
		{"strategy dfs: cannot use a disk", Options{Strategy: DepthFirst, Disk: "x"}},
		{"strategy dfs: cannot make checkpoints", Options{Strategy: DepthFirst, Checkpoint: "x"}},
		{"strategy dfs: cannot give out the state graph", Options{Strategy: DepthFirst, Edges: edge}},
		{"strategy dfs: has one worker only", Options{Strategy: DepthFirst, Workers: 2}},
		{"strategy random: needs a depth", Options{Strategy: RandomWalk, Walks: 1}},
		{"strategy random: needs a depth below", Options{Strategy: RandomWalk, Walks: 1, Depth: 1 << 20}},
		{"strategy random: needs a number of walks or a timeout", Options{Strategy: RandomWalk, Depth: 1}},
		{"strategy random: cannot make checkpoints", Options{Strategy: RandomWalk, Depth: 1, Walks: 1, Checkpoint: "x"}},
		{"store hash128: cannot use a disk", Options{Store: Compact128, Disk: "x"}},
		{"store hash64: cannot make checkpoints", Options{Store: Compact64, Checkpoint: "x"}},
		{"store hash64: cannot give out the state graph", Options{Store: Compact64, Edges: edge}},
		{"disk: cannot make checkpoints", Options{Disk: "x", Checkpoint: "y"}},
		{"disk: cannot give out the state graph", Options{Disk: "x", Edges: edge}},
		{"question: a checkpoint needs one", Options{Checkpoint: "x"}},
		{"disk: needs at least", Options{Disk: "x", MaxMemory: 1}},
	} {
		_, err := Run(context.Background(), newGrid(3), c.opt)
		if err == nil || !strings.HasPrefix(err.Error(), "explore: "+c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	if _, err := Run(context.Background(), nil, Options{}); err == nil {
		t.Error("no factory is no error")
	}
}

// liar says that its states have 7 bytes.
type liar struct{ *grid }

func (liar) StateSize() int { return 7 }

func TestWrongSize(t *testing.T) {
	_, err := Run(context.Background(), func() Model { return liar{&grid{n: 3}} }, Options{})
	if err == nil || !strings.Contains(err.Error(), "state size: Encode or Canon gave 8 bytes, StateSize says 7") {
		t.Error(err)
	}
}
