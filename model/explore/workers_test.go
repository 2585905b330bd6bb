package explore

import (
	"context"
	"hash/crc64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// numbering searches and returns a checksum over all states in the order of their numbers and over their
// parents.
func numbering(t *testing.T, f Factory, opt Options) uint64 {
	t.Helper()
	s, err := newSearch(f, opt.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	a := s.store.(*exact).arena
	sum := crc64.New(crc64.MakeTable(crc64.ECMA))
	for id := range a.n {
		sum.Write(a.at(a.find(id)))
		if parent, ok := s.parents.of(id); ok {
			sum.Write([]byte{byte(parent), byte(parent >> 8), byte(parent >> 16)})
		}
	}
	return sum.Sum64()
}

// TestSameNumbers checks that the numbers of states do not depend on workers, rounds and slices.
func TestSameNumbers(t *testing.T) {
	models := map[string]Factory{"grid": newGrid(150), "pvdp": newPVDP(4, 3, 1, 0, false)}
	if testing.Short() {
		delete(models, "pvdp")
	}
	for name, f := range models {
		want := numbering(t, f, Options{Workers: 1})
		for _, workers := range longtest.Part(t, []int{3, 2, 8}, 3) {
			if got := numbering(t, f, Options{Workers: workers}); got != want {
				t.Errorf("%s: %d workers number states differently", name, workers)
			}
		}
	}
}

// TestSameFindings checks the same of the results of searches that find much.
func TestSameFindings(t *testing.T) {
	for i, f := range []Factory{newPVDP(4, 2, 1, 2, true), newPVDP(4, 2, 1, 2, false), newSymmetric(4, 3, 1, 1)} {
		for j, opt := range []Options{{}, {FindAll: true, Depth: 6}, {FindAll: true, MaxStates: 7777}} {
			opt.Workers = 1
			want := plain(explored(t, f, opt))
			for mode := range 4 {
				if !longtest.On() && mode != (i+j)%4 {
					continue // each kind of store, with each model
				}
				opt.Workers, opt.Store, opt.Disk = 2+mode, Store(mode%3), ""
				if mode == 3 {
					opt.Disk = t.TempDir()
				}
				if got := plain(explored(t, f, opt)); !reflect.DeepEqual(got, want) {
					t.Errorf("%+v:\n got %+v\nwant %+v", opt, got, want)
				}
			}
		}
	}
}

// breaking panics in a call that leads to the diagonal.
type breaking struct{ *grid }

func (b breaking) Apply(call uint64) Outcome {
	o := b.grid.Apply(call)
	if b.x == 7 && b.y == 7 {
		panic("out of the grid")
	}
	return o
}

// breakingInit panics before anything else.
type breakingInit struct{ *grid }

func (breakingInit) Init(int) { panic("no init") }

func TestModelPanics(t *testing.T) {
	for _, strategy := range []Strategy{BreadthFirst, DepthFirst, RandomWalk} {
		opt := Options{Strategy: strategy}
		if strategy == RandomWalk {
			opt.Depth, opt.Walks = 100, 100
		}
		_, err := Run(context.Background(), func() Model { return breaking{&grid{n: 9}} }, opt)
		if err == nil || !strings.Contains(err.Error(), "out of the grid") || !strings.HasPrefix(err.Error(), "explore: ") {
			t.Errorf("%v: %v", strategy, err)
		}
		_, err = Run(context.Background(), func() Model { return breakingInit{&grid{n: 9}} }, opt)
		if err == nil || !strings.Contains(err.Error(), "no init") {
			t.Errorf("%v: %v", strategy, err)
		}
	}
}

// slow takes a millisecond for each call.
type slow struct{ *grid }

func (s slow) Apply(call uint64) Outcome {
	time.Sleep(time.Millisecond)
	return s.grid.Apply(call)
}

// TestSlowModel checks that a time limit is kept with a model that takes its time.
func TestSlowModel(t *testing.T) {
	began := time.Now()
	r := explored(t, func() Model { return slow{&grid{n: 200}} }, Options{Timeout: 300 * time.Millisecond})
	if r.Stopped != StopTimeout || r.States < 50 || time.Since(began) > 2*time.Second {
		t.Errorf("%+v", r)
	}
}

// fan is a model with very many calls, all to different states.
type fan struct{ grid }

func (f *fan) Calls(dst []uint64) []uint64 {
	if f.x == 0 {
		for i := range uint64(100_000) {
			dst = append(dst, i+1)
		}
	}
	return dst
}

func (f *fan) Apply(call uint64) Outcome { f.x = int(call); return Outcome{} }

// TestManyCalls needs far more room for one state than a round has.
func TestManyCalls(t *testing.T) {
	factory := func() Model { return &fan{} }
	if r := explored(t, factory, Options{Workers: 3}); r.States != 100_001 || r.Transitions != 100_000 || r.Diameter != 1 {
		t.Errorf("%+v", r)
	}
	if r := explored(t, factory, Options{MaxMemory: 6 << 20}); r.Stopped != StopMemory || r.PeakMemory > 6<<20 {
		t.Errorf("%+v", r)
	}
}
