package explore

import (
	"reflect"
	"testing"
)

// finds is a fan that finds out half of its calls by making the others.
type finds struct {
	fan
	asked *int
}

func (f *finds) FirstCalls(dst []uint64) []uint64 {
	dst = f.Calls(dst)
	return dst[:len(dst)/2]
}

func (f *finds) LaterCalls(first []uint64) []uint64 {
	*f.asked++
	if f.x != 0 {
		panic("the working state has not been restored")
	}
	if len(first) == 0 {
		return first
	}
	return append(first, f.Calls(nil)[len(first):]...)
}

// findsWay is a grid that finds out about the second direction by going into the first one.
type findsWay struct {
	grid
	made bool
}

func (f *findsWay) Apply(call uint64) Outcome {
	f.made = f.made || call == 0
	return f.grid.Apply(call)
}

func (f *findsWay) FirstCalls(dst []uint64) []uint64 { f.made = false; return append(dst, 0) }

func (f *findsWay) LaterCalls(first []uint64) []uint64 {
	if !f.made {
		panic("the first call has not been made")
	}
	return append(first, 1)
}

// TestDiscoverer searches models that find out calls, one of them with more of both kinds than
// there is room for: the results are those of models that know all.
func TestDiscoverer(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		opt := Options{Workers: workers, Depth: 1}
		asked := 0
		got := explored(t, func() Model { return &finds{asked: &asked} }, opt)
		want := explored(t, func() Model { return &fan{} }, opt)
		if got.States != want.States || got.Transitions != want.Transitions || got.States != 100_001 || asked != 1 {
			t.Errorf("%d workers: %d states and %d transitions, asked %d times", workers, got.States, got.Transitions, asked)
		}
		got = explored(t, func() Model { return &findsWay{grid: grid{n: 80}} }, Options{Workers: workers})
		want = explored(t, newGrid(80), Options{Workers: workers})
		for _, r := range []*Result{&got, &want} {
			r.PeakMemory, r.BytesPerState, r.Duration = 0, 0, 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: %+v; all known beforehand: %+v", workers, got, want)
		}
	}
}
