package mutants

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// TestHyperHolds searches the scope of each mutant of the hypervisor without the
// mutation, one step further than the mutant needs: nothing may be found.
func TestHyperHolds(t *testing.T) {
	for _, m := range hyperMutants() {
		m.judge = model.Mutant{}
		s, err := m.subject()
		if err != nil {
			t.Fatal(m.ID, err)
		}
		r, err := explore.Run(context.Background(), s.factory, explore.Options{Depth: m.Steps + 1, NoSymmetry: true})
		if err != nil {
			t.Fatal(m.ID, err)
		}
		t.Logf("%s: %d states, %d transitions, %v", m.ID, r.States, r.Transitions, r.Duration)
		for _, f := range r.Findings {
			rep, text, err := s.explain(f)
			if err != nil {
				t.Fatal(m.ID, err)
			}
			t.Errorf("%s holds not: %s, %s\n%s%+v", m.ID, s.rule(f), rep.Detail, text, rep.Last().After.Tables)
		}
	}
}
