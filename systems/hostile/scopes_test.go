package hostile

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// TestScopes searches each scope to its depth: nothing may be found, every
// operation of its alphabet and every rule that the alphabet can test must have
// been exercised, and together all rules for hostile guests.
func TestScopes(t *testing.T) {
	together := map[string]uint64{}
	for _, sc := range longtest.Part(t, Scopes(), 7) { // of each pair of profiles now the one, now the other
		h, err := New(sc.Options)
		if err != nil {
			t.Fatalf("%s: %v", sc.Name, err)
		}
		r := searchScope(t, h, sc.Depth)
		for _, f := range r.Findings {
			t.Errorf("%s holds not: %s\n%s", sc.Name, h.Rules()[f.Rule].ID, scenarioOf(t, sc.Options, f).Body())
		}
		t.Logf("%s: %d states, %d transitions, depth %d, complete %v, %v", sc.Name, r.States, r.Transitions, r.Diameter, r.Complete, r.Duration)
		if sc.Depth == 0 && !r.Complete {
			t.Errorf("%s: not complete", sc.Name)
		}
		for _, g := range h.Coverage(r.Counters) {
			for _, c := range g.Counts {
				if g.Due && c.N == 0 {
					t.Errorf("%s: %s was never exercised", sc.Name, c.Name)
				}
				if g.Name == "rules" || g.Name == "forgotten" {
					together[c.Name] += c.N
				}
			}
		}
	}
	if !longtest.On() {
		return // what all of them exercise together
	}
	for _, r := range invariants.GuestRules() {
		if together[r.ID] == 0 {
			t.Errorf("no scope exercises %s", r.ID)
		}
	}
	for way := range model.NumForgets {
		if together[way.String()] == 0 {
			t.Errorf("in no scope Xen 4.17 forgets a reference as %v", way)
		}
	}
}

func searchScope(t testing.TB, h *Guest, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), func() explore.Model {
		m, err := h.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}, explore.Options{Depth: depth, NoSymmetry: true, MaxStates: 2_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
