package mutants

import (
	"context"
	"testing"
)

// TestAllCaught runs every mutant: each must be caught by the rule that it names,
// on a way as short as it says.
func TestAllCaught(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.ID] {
			t.Errorf("%s is there twice", m.ID)
		}
		seen[m.ID] = true
		r, err := m.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !r.Caught {
			t.Errorf("%s: %q by %d calls (all: %q, %d states); want %q by %d", m.ID, r.Rule, r.Steps, r.Fired, r.States, m.Catch, m.Steps)
		}
	}
}
