package explore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestEdges follows every edge of random graphs and compares their number with the count of transitions.
func TestEdges(t *testing.T) {
	for seed := range uint64(40) {
		g := newGraph(seed, 200, []int{0, 3}[seed%2], []int{0, 2, 30}[seed%3])
		for _, opt := range []Options{{}, {FindAll: true}, {MaxStates: 60}, {Depth: 3}} {
			var edges []Edge
			opt.Edges = func(e Edge) error { edges = append(edges, e); return nil }
			r := explored(t, g.factory(), opt)
			if uint64(len(edges)) != r.Transitions {
				t.Errorf("seed %d: %d edges, %d transitions", seed, len(edges), r.Transitions)
			}
			reached := map[uint64]bool{}
			bad := 0
			for i, e := range edges {
				if i > 0 && e.From < edges[i-1].From {
					t.Errorf("seed %d: edge %v after %v", seed, e, edges[i-1])
				}
				if e.Outcome.Kind == Moved {
					reached[e.To] = true
				} else {
					bad++
				}
			}
			for id := uint64(len(g.inits)); id < r.States; id++ {
				if !reached[id] {
					t.Errorf("seed %d: no edge leads to state %d of %d", seed, id, r.States)
				}
			}
			if len(r.Findings) > 0 && len(r.Findings[0].Path) > 0 && bad == 0 {
				t.Errorf("seed %d: no edge goes wrong, but %v", seed, r.Findings)
			}
		}
	}
}

func TestEdgesRefused(t *testing.T) {
	count := 0
	edge := func(Edge) error { count++; return nil }
	_, err := Run(context.Background(), newGrid(100), Options{Edges: edge})
	if err == nil || !strings.Contains(err.Error(), "explore: edges: the graph has more than 10000 transitions") || count > 0 {
		t.Errorf("%v, %d edges", err, count)
	}
	stop := errors.New("no more")
	_, err = Run(context.Background(), newGrid(3), Options{Edges: func(Edge) error { return stop }})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}

// ExampleRun searches the grid and says what a caller would say.
func ExampleRun() {
	r, err := Run(context.Background(), newGrid(10), Options{Depth: 12})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.States, "states,", r.Transitions, "transitions, stopped by", r.Stopped, "complete", r.Complete)
	// Output:
	// 79 states, 138 transitions, stopped by depth complete false
}

// ExampleOptions prints the state graph of a tiny grid.
func ExampleOptions() {
	_, err := Run(context.Background(), newGrid(2), Options{Edges: func(e Edge) error {
		_, err := fmt.Printf("%d -> %d by call %d\n", e.From, e.To, e.Call)
		return err
	}})
	fmt.Println(err)
	// Output:
	// 0 -> 1 by call 0
	// 0 -> 2 by call 1
	// 1 -> 3 by call 1
	// 2 -> 3 by call 0
	// <nil>
}
