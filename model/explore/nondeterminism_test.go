package explore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// forgetful is a grid with a memory that is not part of its state, as a global variable would be: what is
// remembered decides what a call does at one place.
type forgetful struct {
	*grid
	at   [2]int                                    // the place
	does func(g *grid, call uint64, n int) Outcome // what a call does there the n-th time, from 1
	made *int
}

// newForgetful returns a factory whose models share their memory.
func newForgetful(x, y int, does func(g *grid, call uint64, n int) Outcome) Factory {
	made := 0
	return func() Model { return forgetful{&grid{n: 9}, [2]int{x, y}, does, &made} }
}

func (f forgetful) Apply(call uint64) Outcome {
	if [2]int{f.x, f.y} != f.at {
		return f.grid.Apply(call)
	}
	*f.made++
	return f.does(f.grid, call, *f.made)
}

// once breaks a rule when call 1 is made for the first time.
func once(g *grid, call uint64, n int) Outcome {
	if call == 1 && n <= 2 {
		return Outcome{Violated, 4}
	}
	return g.Apply(call)
}

// byTurns leads out of the grid by call 0 every fourth time, to a place where a rule is broken; call 1 does
// nothing.
func byTurns(g *grid, call uint64, n int) Outcome {
	if call == 0 && n%4 == 1 {
		g.x, g.y = 100, 100
		return Outcome{}
	}
	return Outcome{Kind: Skipped}
}

// first does the same the first time only.
func first(g *grid, call uint64, n int) Outcome {
	if n > 2 {
		return g.Apply(call)
	}
	g.x, g.y = 100, 100
	return Outcome{}
}

// beyond breaks a rule outside of the grid.
type beyond struct{ Model }

func (b beyond) Apply(call uint64) Outcome {
	f := b.Model.(forgetful)
	if f.x == 100 {
		return Outcome{Violated, 4}
	}
	return f.Apply(call)
}

// changing begins at another place each time.
type changing struct {
	*grid
	times *int
}

func (c changing) Init(int) {
	*c.times++
	c.x, c.y, c.wasX, c.wasY = *c.times, 0, *c.times, 0
}

func (c changing) Apply(call uint64) Outcome {
	if c.y == 2 {
		return Outcome{Violated, 4}
	}
	return c.grid.Apply(call)
}

func TestNondeterminism(t *testing.T) {
	outside := func(f Factory) Factory { return func() Model { return beyond{f()} } }
	place := (&grid{x: 2, y: 1}).Encode(nil)
	times := 0
	for name, c := range map[string]struct {
		f    func() Factory
		opt  Options
		want NondeterminismError
		says string
	}{
		"last call": {func() Factory { return newForgetful(2, 1, once) }, Options{},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{1}}, "state and call: call 0x1, 3 calls after initial state 0"},
		"last call, hashes": {func() Factory { return newForgetful(2, 1, once) }, Options{Store: Compact128},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{1}}, "call 0x1"},
		"last call, deep": {func() Factory { return newForgetful(0, 0, once) }, Options{Strategy: DepthFirst},
			NondeterminismError{State: (&grid{}).Encode(nil), Calls: []uint64{1}}, "call 0x1, 0 calls after"},
		"call by turns": {func() Factory { return outside(newForgetful(2, 1, byTurns)) }, Options{},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{0}}, "call 0x0, 3 calls"},
		"call the first time": {func() Factory { return outside(newForgetful(2, 1, first)) }, Options{},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{0, 1}}, "one of its 2 calls, 3 calls after"},
		"on disk": {func() Factory { return outside(newForgetful(2, 1, first)) }, Options{Disk: t.TempDir()},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{0, 1}}, "one of its 2 calls"},
		"call the first time, hashes": {func() Factory {
			return outside(newForgetful(2, 1, func(g *grid, call uint64, n int) Outcome {
				if n > 2 {
					return Outcome{Kind: Skipped}
				}
				return first(g, call, n)
			}))
		}, Options{Store: Compact64},
			NondeterminismError{Path: []uint64{0, 0, 1}, State: place, Calls: []uint64{0}}, "call 0x0, 3 calls"},
		"walk": {func() Factory { return newForgetful(2, 1, once) }, Options{Strategy: RandomWalk, Depth: 5, Walks: 30, Seed: 1},
			NondeterminismError{Path: []uint64{1, 0, 0}, State: place, Calls: []uint64{1}}, "call 0x1"},
		"initial state": {func() Factory { return func() Model { return changing{&grid{n: 9}, &times} } }, Options{},
			NondeterminismError{Init: -1}, "same initial state"},
	} {
		c.opt.Workers = 1
		r, err := Run(context.Background(), c.f(), c.opt)
		var e *NondeterminismError
		if !errors.As(err, &e) {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		if e.Init != c.want.Init || !slices.Equal(e.Path, c.want.Path) || !slices.Equal(e.Calls, c.want.Calls) ||
			string(e.State) != string(c.want.State) || !strings.Contains(e.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %+v, %v\nwant %+v", name, *e, err, c.want)
		}
		if !reflect.DeepEqual(r, Result{}) {
			t.Errorf("%s: there is a result: %+v", name, r)
		}
	}
}
