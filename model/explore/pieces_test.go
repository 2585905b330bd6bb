package explore

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// manner are the options on which no answer depends: limits of time and memory, ways of searching that come to
// the same, outputs, and the choice of a part.
var manner = []string{
	"Workers", "MaxMemory", "Timeout", "Inits", "Levels", "Disk", "Checkpoint", "CheckpointEvery", "Resume", "Program",
	"Edges", "MaxEdges", "Progress", "ProgressEvery", "tight", "files",
}

// TestAsked changes each option by itself: it must change what is asked, or be listed above.
func TestAsked(t *testing.T) {
	kind := reflect.TypeFor[Options]()
	for i := range kind.NumField() {
		name := kind.Field(i).Name
		var o Options
		v := reflect.ValueOf(&o).Elem().Field(i)
		switch {
		case slices.Contains(manner, name):
			continue
		case name == "Question":
			o.Question = []Setting{{"system", "x"}}
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(1)
		case v.CanUint():
			v.SetUint(1)
		default:
			t.Errorf("%s: does the answer depend on it?", name)
			continue
		}
		if a, b := Differ(Options{}.Asked(), o.Asked()); a == nil && b == nil {
			t.Errorf("%s: changes nothing of what is asked", name)
		}
	}
}

// TestInits searches random graphs from each choice of initial states: from all of them it finds what a search
// without a choice finds, from none that there is it refuses to.
func TestInits(t *testing.T) {
	for seed := range uint64(40) {
		g := newGraph(seed, 60, 0, 0)
		all := make([]int, len(g.inits))
		for i := range all {
			all[i] = i
		}
		opt := Options{Strategy: Strategy(seed % 2)}
		whole := explored(t, g.factory(), opt)
		opt.Inits = all
		if r := explored(t, g.factory(), opt); r.States != whole.States || r.Transitions != whole.Transitions || !slices.Equal(r.Counters, whole.Counters) {
			t.Errorf("graph %d: %d states, %d transitions, want %d, %d", seed, r.States, r.Transitions, whole.States, whole.Transitions)
		}
		for i := range all {
			alone := *g
			alone.inits, alone.initsJudge = g.inits[i:i+1], g.initsJudge[i:i+1]
			want := explored(t, alone.factory(), Options{Strategy: opt.Strategy})
			opt.Inits = []int{i}
			if r := explored(t, g.factory(), opt); r.States != want.States || r.Diameter != want.Diameter {
				t.Errorf("graph %d from %d: %d states, want %d", seed, i, r.States, want.States)
			}
		}
	}
}

// TestInitsRefused wants a sentence for choices that cannot be honoured.
func TestInitsRefused(t *testing.T) {
	for want, opt := range map[string]Options{
		"rising order":     {Inits: []int{1, 0}},
		"there are none":   {Inits: []int{}},
		"no number 5":      {Inits: []int{0, 5}},
		"any of them":      {Inits: []int{0}, Strategy: RandomWalk, Depth: 3, Walks: 1},
		"only breadth-":    {Levels: true, Strategy: DepthFirst},
		"does not keep":    {Levels: true, Resume: true, Checkpoint: t.TempDir(), Question: []Setting{{"a", "b"}}},
		"must not be nega": {Depth: -1, Inits: []int{0}},
	} {
		if _, err := Run(context.Background(), func() Model { return newPuzzle() }, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", opt.Inits, err, want)
		}
	}
}

// TestInitsResumed resumes a search from one initial state, and refuses to go on from another.
func TestInitsResumed(t *testing.T) {
	opt := Options{Inits: []int{1}, Depth: 3, Checkpoint: t.TempDir(), Question: []Setting{{"puzzle", "6"}}}
	explored(t, func() Model { return newPuzzle() }, opt)
	opt.Resume, opt.Depth = true, 0
	if r := explored(t, func() Model { return newPuzzle() }, opt); r.States != 360 || !r.Complete {
		t.Errorf("%d states", r.States)
	}
	opt.Inits = nil
	if _, err := Run(context.Background(), func() Model { return newPuzzle() }, opt); err == nil || !strings.Contains(err.Error(), "made for initial states=1, this search has initial states=all") {
		t.Error(err)
	}
}

// TestLevels holds the counts of each depth against searches that end there.
func TestLevels(t *testing.T) {
	seeds := uint64(6)
	if longtest.On() {
		seeds = 20
	}
	for seed := range seeds {
		g := newGraph(seed, 80, 0, 0)
		for _, opt := range []Options{{Levels: true, Workers: 2}, {Levels: true, Disk: t.TempDir()}} {
			whole := explored(t, g.factory(), opt)
			for depth := 1; depth < len(whole.Levels); depth++ {
				r, l := explored(t, g.factory(), Options{Depth: depth}), whole.Levels[depth]
				if l.Transitions != r.Transitions || l.Skipped != r.Skipped || !slices.Equal(l.Counters, r.Counters) {
					t.Errorf("graph %d, depth %d: %+v, want %d transitions, %d skipped, %d", seed, depth, l, r.Transitions, r.Skipped, r.Counters)
				}
			}
			if n := len(whole.Levels); n != whole.Diameter+2 {
				t.Errorf("graph %d: %d levels for diameter %d", seed, n, whole.Diameter)
			}
		}
	}
}

// TestFollow follows the findings of random graphs, and refuses them with anything about them changed.
func TestFollow(t *testing.T) {
	followed := 0
	for seed := range uint64(60) {
		g := newGraph(seed, 60, 5, 0)
		for _, f := range explored(t, g.factory(), Options{FindAll: true}).Findings {
			followed++
			if err := Follow(g.factory(), f); err != nil {
				t.Errorf("graph %d: %+v: %v", seed, f, err)
			}
			wrong := []Finding{
				{f.Kind, f.Rule + 100, f.Init, f.Path}, {f.Kind, f.Rule, len(g.inits), f.Path}, {f.Kind, f.Rule, -1, f.Path},
				{Moved, f.Rule, f.Init, f.Path}, {f.Kind, f.Rule, f.Init, append(slices.Clone(f.Path), 1000)},
			}
			if n := len(f.Path); n > 0 {
				wrong = append(wrong, Finding{f.Kind, f.Rule, f.Init, append(slices.Clone(f.Path[:n-1]), 7)})
			}
			for _, w := range wrong {
				if Follow(g.factory(), w) == nil {
					t.Errorf("graph %d: follows %+v", seed, w)
				}
			}
		}
	}
	if followed < 30 {
		t.Errorf("%d findings", followed)
	}
}

// TestFollowPanics wants an error of a model that panics or ends its goroutine.
func TestFollowPanics(t *testing.T) {
	if err := Follow(func() Model { runtime.Goexit(); return nil }, Finding{}); err == nil || !strings.Contains(err.Error(), "goroutine was ended") {
		t.Error(err)
	}
	if err := Follow(func() Model { panic("no model") }, Finding{}); err == nil || !strings.Contains(err.Error(), "no model") {
		t.Error(err)
	}
}

// TestDiffer names the setting in which two questions differ.
func TestDiffer(t *testing.T) {
	a, b := Setting{"a", "1"}, Setting{"b", "2"}
	for _, c := range []struct {
		was, is []Setting
		a, b    *Setting
	}{
		{[]Setting{a, b}, []Setting{b, a}, nil, nil}, {[]Setting{a}, []Setting{{"a", "3"}}, &a, &Setting{"a", "3"}},
		{[]Setting{a}, []Setting{a, b}, nil, &b}, {[]Setting{a, b}, []Setting{a}, &b, nil}, {nil, nil, nil, nil},
	} {
		if x, y := Differ(c.was, c.is); !reflect.DeepEqual(x, c.a) || !reflect.DeepEqual(y, c.b) {
			t.Errorf("%v, %v: %v, %v", c.was, c.is, x, y)
		}
	}
}
