package mutants

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// TestHyperHolds searches the scope of each mutant of the hypervisor without the
// mutation, one step further than the mutant needs: nothing may be found.
func TestHyperHolds(t *testing.T) {
	for _, m := range longtest.Part(t, hyperMutants(), 4) {
		m.Change = systems.Change{}
		s, err := m.Search()
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Run(context.Background(), explore.Options{Depth: m.Steps + 1, NoSymmetry: true})
		if err != nil {
			t.Fatal(m.ID, err)
		}
		t.Logf("%s: %d states, %d transitions, %v", m.ID, r.States, r.Transitions, r.Duration)
		for _, f := range r.Findings {
			rep, err := explain(s, f, &m)
			if err != nil {
				t.Fatal(m.ID, err)
			}
			t.Errorf("%s holds not: %v, %s\n%+v", m.ID, s.Breaks(f), rep.Detail, rep.Last().After.Tables)
		}
	}
}
