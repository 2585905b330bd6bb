package mutants

import (
	"context"
	"testing"
)

// TestAllCaught runs every mutant: each must be caught by the rule that it names,
// on a way as short as it says, and every rule must be needed for one.
func TestAllCaught(t *testing.T) {
	seen := map[string]bool{}
	list := All()
	results, err := RunAll(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		m := &list[i]
		if seen[m.ID] {
			t.Errorf("%s is there twice", m.ID)
		}
		seen[m.ID] = true
		if !r.Caught {
			t.Errorf("%s: %q by %d calls (all: %q, %d states); want %q by %d", m.ID, r.Rule, r.Steps, r.Fired, r.States, m.Catch, m.Steps)
		}
	}
	t.Run("rules", func(t *testing.T) { everyRuleIsNeeded(t, results) })
}
