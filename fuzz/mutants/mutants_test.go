package mutants

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// TestAllCaught runs the mutants: each must be caught by the rule that it names, on a way as
// short as it says, and, in the long form, every rule must be needed for one.
func TestAllCaught(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.ID] {
			t.Errorf("%s is there twice", m.ID)
		}
		seen[m.ID] = true
	}
	list := longtest.Part(t, All(), 17) // ptcheck mutants takes all
	results, err := RunAll(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		m := &list[i]
		if !r.Caught {
			t.Errorf("%s: %q by %d calls (all: %q, %d states); want %q by %d", m.ID, r.Rule, r.Steps, r.Fired, r.States, m.Catch, m.Steps)
		}
	}
	if longtest.On() {
		t.Run("rules", func(t *testing.T) { everyRuleIsNeeded(t, results) })
	}
}
