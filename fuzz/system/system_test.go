package system

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
)

func search(t *testing.T, s *System, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{Depth: depth, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSystemsHold searches both systems until nothing is new.
func TestSystemsHold(t *testing.T) {
	for _, name := range Names() {
		for _, levels := range []int{2, 3, 4} {
			s, err := New(name, Options{Levels: []int{levels}})
			if err != nil {
				t.Log(err)
				continue
			}
			r := search(t, s, 0)
			t.Logf("%s %d: %d states, %d transitions, diameter %d, %v, %.0f bytes/state", name, levels, r.States, r.Transitions, r.Diameter, r.Duration, r.BytesPerState)
			for _, f := range r.Findings {
				t.Errorf("%s: %v rule %d from %q", name, f.Kind, f.Rule, s.Inits[f.Init].Name)
				m := s.NewModel()
				m.Init(f.Init)
				for _, c := range f.Path {
					o := m.Apply(c)
					t.Logf("  %v -> %v; %+v %v", CallOf(c), o, m.checker.Detail, m.last)
				}
			}
		}
	}
}
