package pvdp

import (
	"context"
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// TestPVDP compares the graph with what other checkers agree on: distinct
// states, transitions and diameter of PV-DP(frames, levels, slots).
func TestPVDP(t *testing.T) {
	for _, c := range []struct {
		frames, levels, slots int
		states, transitions   uint64
		diameter              int
		long                  bool
	}{
		{3, 2, 1, 4140, 46284, 10, false},
		{4, 2, 1, 248384, 4715072, 11, true},
		{4, 3, 1, 186136, 2821768, 13, false},
		{3, 2, 2, 392196, 7843020, 13, true},
	} {
		t.Run(fmt.Sprintf("%d,%d,%d", c.frames, c.levels, c.slots), func(t *testing.T) {
			if c.long {
				longtest.Only(t)
			}
			a, err := NewReference(Options{Frames: c.frames, Levels: c.levels, Slots: c.slots})
			if err != nil {
				t.Fatal(err)
			}
			r := search(t, a, 0)
			t.Logf("%d states, %d transitions, diameter %d, %v, %.1f bytes a state", r.States, r.Transitions, r.Diameter, r.Duration, r.BytesPerState)
			if r.States != c.states || r.Transitions != c.transitions || r.Diameter != c.diameter || !r.Complete {
				t.Errorf("%d states, %d transitions, diameter %d, complete %v; want %d, %d, %d", r.States, r.Transitions, r.Diameter, r.Complete, c.states, c.transitions, c.diameter)
			}
		})
	}
}

func search(t *testing.T, a *Guest, depth int, o ...explore.Options) explore.Result {
	t.Helper()
	opt := explore.Options{Depth: depth, NoSymmetry: true}
	if len(o) > 0 {
		opt = o[0]
	}
	r, err := explore.Run(context.Background(), func() explore.Model {
		m, err := a.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLeak has the adversary find, by itself, that Xen 4.17 leaves a half-validated
// table behind when a nested audit fails; without that defect the same scope holds.
func TestLeak(t *testing.T) {
	for _, c := range []struct {
		profile string
		leaks   bool
	}{{"xen-4.17", true}, {"ideal", false}} {
		s, r := leakSearch(t, c.profile)
		if got := len(r.Findings) > 0; got != c.leaks {
			t.Fatalf("%s: finding %v, want %v", c.profile, got, c.leaks)
		}
		if !c.leaks {
			continue
		}
		f := r.Findings[0]
		want := systems.Verdict{Kind: explore.Violated, What: "counts-agree"}
		if s.Breaks(f) != want || len(f.Path) != 4 {
			t.Errorf("%v by %d operations, want %v by 4", s.Breaks(f), len(f.Path), want)
		}
		found, err := s.Scenario(f)
		if err != nil {
			t.Fatal(err)
		}
		play, err := found.Play(systems.PlayOptions{Report: true})
		if err != nil || play.Verdict != want || play.Finding == nil || play.Finding.Rule != want.What || len(play.Finding.Calls) != 4 {
			t.Errorf("%v, %+v", err, play)
		}
	}
}

// leakSearch searches what a version of the hypervisor does to tables that name each
// other.
func leakSearch(t *testing.T, profile string) (*systems.Search, explore.Result) {
	t.Helper()
	x := Adversary()
	v, err := systems.CheckValues(x, systems.Values{"ops": "mu,pin", "flags": "P", "profile": profile, "symmetry": "off"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := x.Searches(v, systems.Change{})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	r, err := explore.Run(context.Background(), list[0].Model, explore.Options{Depth: 4, NoSymmetry: !list[0].Symmetric})
	if err != nil {
		t.Fatal(err)
	}
	return list[0], r
}

// TestBuggyVariants finds the two buggy variants of PV-DP at the published
// depths: by all rules after one transition (the count) and two (the count
// again), by tables-read-only alone after two and three.
func TestBuggyVariants(t *testing.T) {
	sameTarget := func(level int, old, now model.Entry) bool {
		return level == 1 && old.Is(model.Present) && old.MFN() == now.MFN()
	}
	plain := func(old, now model.Entry) bool { return old == now }
	for _, c := range []struct {
		name      string
		fast      func(s *model.State, level int, old, now model.Entry) bool
		all, isol int
	}{
		{"flags-only fast path", func(s *model.State, level int, old, now model.Entry) bool {
			return sameTarget(level, old, now) || plain(old, now)
		}, 1, 2},
		{"harmless frame", func(s *model.State, level int, old, now model.Entry) bool {
			return sameTarget(level, old, now) && s.Info(s.L.Map.Frame(now.MFN())).T == 0 || plain(old, now)
		}, 2, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := model.Plain()
			p.Mutant.FastPath = c.fast
			a, err := NewReference(Options{Frames: 4, Levels: 2, Slots: 1, Profile: p})
			if err != nil {
				t.Fatal(err)
			}
			if r := search(t, a, 0); len(r.Findings) == 0 || len(r.Findings[0].Path) != c.all {
				t.Errorf("all rules: %+v, want a path of %d", r.Findings, c.all)
			}
			a.only = 1 << ruleReadOnly
			r := search(t, a, 0)
			if len(r.Findings) == 0 || len(r.Findings[0].Path) != c.isol || r.Findings[0].Rule != ruleReadOnly {
				t.Errorf("tables-read-only: %+v, want a path of %d", r.Findings, c.isol)
			}
		})
	}
}

// TestPVDPQuotient compares the quotients by frames, and by frames and slots,
// with what other checkers agree on.
func TestPVDPQuotient(t *testing.T) {
	type quotient struct {
		frames, levels, slots int
		framesOnly            bool
		states, transitions   uint64 // transitions 0: not published
		full, fullTransitions uint64 // of the full graph; 0: not published
	}
	for _, c := range longtest.Part(t, []quotient{
		{3, 2, 1, true, 700, 7814, 4140, 46284},
		{4, 2, 1, true, 10710, 202476, 248384, 4715072},
		{4, 3, 1, true, 8014, 120746, 186136, 2821768},
		{3, 2, 2, true, 65408, 1307834, 392196, 7843020},
		{3, 2, 1, false, 700, 7814, 4140, 46284},
		{3, 2, 2, false, 15098, 0, 392196, 7843020},
		{5, 2, 1, false, 156018, 0, 17776000, 512953200},
		{5, 3, 1, false, 128516, 0, 14728890, 0},
	}, 5) {
		t.Run(fmt.Sprintf("%d,%d,%d,%v", c.frames, c.levels, c.slots, c.framesOnly), func(t *testing.T) {
			a, err := NewReference(Options{Frames: c.frames, Levels: c.levels, Slots: c.slots, FramesOnly: c.framesOnly})
			if err != nil {
				t.Fatal(err)
			}
			a.CountOrbits = true
			r := search(t, a, 0, explore.Options{})
			if got := r.AllStates; c.full != 0 && got != c.full {
				t.Errorf("the classes stand for %d states, want %d", got, c.full)
			}
			if got := r.AllTransitions; c.fullTransitions != 0 && got != c.fullTransitions {
				t.Errorf("their transitions stand for %d, want %d", got, c.fullTransitions)
			}
			t.Logf("%d states, %d transitions, diameter %d, %v, %.1f bytes a state", r.States, r.Transitions, r.Diameter, r.Duration, r.BytesPerState)
			if r.States != c.states || c.transitions != 0 && r.Transitions != c.transitions || !r.Complete {
				t.Errorf("%d states, %d transitions; want %d, %d", r.States, r.Transitions, c.states, c.transitions)
			}
		})
	}
}
