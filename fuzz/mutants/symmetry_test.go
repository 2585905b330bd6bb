package mutants

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// TestSymmetryKeepsMutants searches what is planted on bare machines with and without the
// symmetry of frames. Each search must come to the same, or notice that the planted code does not
// treat frames alike; most must come to the same.
func TestSymmetryKeepsMutants(t *testing.T) {
	list := slices.DeleteFunc(append(All(), harmless(t)...), func(m Mutant) bool { return !hasSymmetry(m.System) })
	if len(list) < 50 {
		t.Fatalf("%d changes of bare machines", len(list))
	}
	list = longtest.Part(t, list, 29)
	noticed := 0
	for i := range list {
		m := &list[i]
		want, err := m.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.symmetric(t.Context())
		var uneven *systems.Lopsided
		switch {
		case errors.As(err, &uneven):
			noticed++
			t.Logf("%s: %v", m.ID, err)
		case err != nil:
			t.Errorf("%s: %v", m.ID, err)
		case got.Rule != want.Rule || got.Steps != want.Steps || !sameSet(got.Fired, want.Fired) || want.Complete && !got.Complete || got.States > want.States:
			t.Errorf("%s: with symmetry %q by %d calls (all: %q, %d states); without %q by %d (all: %q, %d states)", m.ID,
				got.Rule, got.Steps, got.Fired, got.States, want.Rule, want.Steps, want.Fired, want.States)
		}
	}
	t.Logf("%d of %d changes do not treat frames alike", noticed, len(list))
	if noticed > len(list)/8 {
		t.Errorf("%d of %d changes do not treat frames alike", noticed, len(list))
	}
}

// hasSymmetry reports whether a system has a kernel and can be searched with symmetry.
func hasSymmetry(s systems.System) bool {
	_, ok := s.(*kernel.Backend)
	return ok && slices.ContainsFunc(s.Settings(), func(x systems.Setting) bool { return x.Name == "symmetry" })
}

// symmetric is Run with symmetry.
func (m *Mutant) symmetric(ctx context.Context) (Result, error) {
	x, o := *m, m.bounds()
	x.Values, o.NoSymmetry = maps.Clone(m.Values), false
	x.Values["symmetry"] = "on"
	return x.run(ctx, o)
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
