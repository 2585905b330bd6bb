package explore

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// Orbit tries all names: so many different states they give.
func (s symmetric) Orbit() uint64 {
	var order, to [8]int
	for i := range order {
		order[i] = i
	}
	seen := map[[2]uint64]bool{}
	var try func(k int)
	try = func(k int) {
		if k == s.n {
			meta, slots := s.renamed(&to)
			seen[[2]uint64{meta, slots}] = true
			return
		}
		for j := k; j < s.n; j++ {
			order[k], order[j] = order[j], order[k]
			to[order[k]] = k
			try(k + 1)
			order[k], order[j] = order[j], order[k]
		}
	}
	try(0)
	return uint64(len(seen))
}

// weighing is a model that counts itself what the engine counts with its orbits: the twin of that, by
// way of counters, of which other tests see that they are right.
type weighing struct {
	Model
	FixedSize
	Orbiter
	check  StateChecker
	counts []uint64
	each   uint64
}

func newWeighing(f Factory) Factory {
	return func() Model {
		m := f().(symmetric)
		return &weighing{m, m, m, m, make([]uint64, 2), 0}
	}
}

func (w *weighing) Calls(dst []uint64) []uint64 {
	w.each = w.Orbit()
	return w.Model.Calls(dst)
}

func (w *weighing) Apply(call uint64) Outcome {
	o := w.Model.Apply(call)
	if o.Kind != Skipped {
		w.counts[1] += w.each
	}
	return o
}

func (w *weighing) CheckState() Outcome {
	w.counts[0] += w.Orbit()
	return w.check.CheckState()
}

func (w *weighing) Counters() []uint64 { return w.counts }

// twins wants the engine's numbers to be the model's, and returns them.
func twins(t *testing.T, name string, r Result) [2]uint64 {
	t.Helper()
	for i, l := range append(r.Levels, r.Level()) {
		if len(l.Counters) != 2 || l.AllStates != l.Counters[0] || l.AllTransitions != l.Counters[1] {
			t.Errorf("%s, level %d: for %d states and %d transitions, by the model itself %d", name, i, l.AllStates, l.AllTransitions, l.Counters)
		}
	}
	return [2]uint64{r.AllStates, r.AllTransitions}
}

// TestOrbits wants every kind of search to count what the states and transitions stand for.
func TestOrbits(t *testing.T) {
	f := newWeighing(newSymmetric(3, 2, 1, 0))
	whole := [2]uint64{known[0].states, known[0].transitions}
	for _, o := range []Options{
		{Workers: 1}, {Workers: 2, Levels: true}, {Disk: t.TempDir(), Workers: 2}, {Store: Compact128}, {Strategy: DepthFirst},
		{Depth: 3}, {Depth: 3, Disk: t.TempDir()}, {Depth: 3, Strategy: DepthFirst},
		{MaxStates: 300}, {MaxStates: 300, Disk: t.TempDir()},
	} {
		name := fmt.Sprintf("%+v", o)
		r := explored(t, f, o)
		if all := twins(t, name, r); r.Complete && all != whole || !r.Complete && (all[0] <= r.States || all[1] <= r.Transitions) {
			t.Errorf("%s: for %d, want %d", name, all, whole)
		}
	}
	for _, o := range []Options{{NoSymmetry: true, Depth: 3}, {Strategy: RandomWalk, Walks: 9, Depth: 9}} {
		if r := explored(t, f, o); r.AllStates != 0 || r.AllTransitions != 0 || len(r.Counters) != 2 {
			t.Errorf("%+v: for %d states and %d transitions: %v", o, r.AllStates, r.AllTransitions, r.Counters)
		}
	}
}

// TestOrbitsToFinding wants the numbers up to a finding to be the same, whoever comes to it.
func TestOrbitsToFinding(t *testing.T) {
	for bug := 1; bug <= 2; bug++ {
		f := newWeighing(newSymmetric(4, 2, 1, bug))
		var want [2]uint64
		for _, o := range []Options{{Workers: 1}, {Workers: 2}, {Disk: t.TempDir()}} {
			name := fmt.Sprintf("bug %d, %d workers", bug, o.Workers)
			r := explored(t, f, o)
			got := twins(t, name, r)
			if r.Stopped != StopFinding || want[0] > 0 && got != want {
				t.Errorf("%s: stopped by %v, for %d, before for %d", name, r.Stopped, got, want)
			}
			want = got
		}
		twins(t, fmt.Sprintf("bug %d, all findings", bug), explored(t, f, Options{FindAll: true, Depth: 4}))
	}
}

// TestOrbitsResumed wants a search that is resumed again and again to come to the same numbers.
func TestOrbitsResumed(t *testing.T) {
	f := newWeighing(newSymmetric(3, 2, 1, 0))
	r, times := again(t, f, saving(Options{CheckpointEvery: time.Nanosecond, Workers: 2}, t.TempDir()), 90)
	if got := twins(t, "resumed", r); got != [2]uint64{known[0].states, known[0].transitions} || times < 3 {
		t.Errorf("resumed %d times: for %d", times, got)
	}
}

// TestOrbitsAlone wants the numbers of a model that neither counts nor judges, whose states are words or
// not.
func TestOrbitsAlone(t *testing.T) {
	f := newSymmetric(3, 2, 1, 0)
	want := explored(t, f, Options{NoSymmetry: true})
	for name, alone := range map[string]Factory{
		"words": func() Model {
			m := f().(symmetric)
			return struct {
				Model
				FixedSize
				Orbiter
			}{m, m, m}
		},
		"bytes": func() Model {
			m := f().(symmetric)
			return struct {
				Model
				Orbiter
			}{m, m}
		},
	} {
		for _, o := range []Options{{Workers: 2, Levels: true}, {Strategy: DepthFirst}, {Disk: t.TempDir()}} {
			r := explored(t, alone, o)
			if r.AllStates != want.States || r.AllTransitions != want.Transitions || r.Counters != nil {
				t.Errorf("%s, %+v: for %d states, %d transitions, counters %d", name, o, r.AllStates, r.AllTransitions, r.Counters)
			}
			if n := len(r.Levels); n > 0 && !reflect.DeepEqual(r.Levels[n-1], r.Level()) {
				t.Errorf("%s: the last level counts %+v, the whole %+v", name, r.Levels[n-1], r.Level())
			}
		}
		few := explored(t, alone, Options{MaxStates: 300})
		if all := twins(t, "few states", explored(t, newWeighing(f), Options{MaxStates: 300})); few.AllStates != all[0] || few.AllTransitions != all[1] {
			t.Errorf("%s: 300 states stand for %d and %d transitions, want %d", name, few.AllStates, few.AllTransitions, all)
		}
	}
}
