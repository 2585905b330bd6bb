package mutants

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/model/explore"
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

// TestHarmlessSilent searches the harmless changes until nothing is new.
func TestHarmlessSilent(t *testing.T) {
	for _, m := range Harmless() {
		s, err := system.New(m.System, system.Options{Patch: m.patch})
		if err != nil {
			t.Fatal(err)
		}
		r, err := explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Complete || len(r.Findings) > 0 {
			t.Errorf("%s, %s: complete %v, %d findings", m.ID, m.System, r.Complete, len(r.Findings))
		}
	}
}
