package all

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

func search(t *testing.T, s *kernel.System, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{Depth: depth, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSystemsHold searches both systems until nothing is new. The numbers are
// what the searches found when the systems were made: a family, a call or a rule
// that gets lost shows in them.
func TestSystemsHold(t *testing.T) {
	for _, x := range []struct {
		system              string
		levels              int
		states, transitions uint64
		diameter            int
	}{
		{"native", 2, 8027, 90575, 20},
		{"native", 3, 19019, 220406, 12},
		{"xen", 2, 2641, 27967, 20},
		{"xen", 3, 4796, 81140, 11},
		{"xen", 4, 2005, 33830, 20},
	} {
		s, err := New(x.system, kernel.Options{Levels: []int{x.levels}})
		if err != nil {
			t.Fatal(err)
		}
		r := search(t, s, 0)
		for _, f := range r.Findings {
			how, calls := replayed(s, f)
			t.Errorf("%s with %d levels, from %s: %s by %q", x.system, x.levels, s.Inits[f.Init].Name, how, calls)
		}
		if !r.Complete || r.States != x.states || r.Transitions != x.transitions || r.Diameter != x.diameter {
			t.Errorf("%s with %d levels: complete %t, %d states, %d transitions, diameter %d; want %d, %d, %d", x.system, x.levels,
				r.Complete, r.States, r.Transitions, r.Diameter, x.states, x.transitions, x.diameter)
		}
		checkExercised(t, s, r)
	}
}

// checkExercised checks that every rule that can apply was put to the test, and
// every call of the protocol made.
func checkExercised(t *testing.T, s *kernel.System, r explore.Result) {
	t.Helper()
	for i, rule := range s.Rules() {
		n := r.Counters[int(model.NumCalls)+i]
		// Only PAE entries are stored in halves.
		if applies := rule.ID != "no-torn-entry" || s.Inits[0].State.L.Geo.Levels == 3; (n > 0) != applies {
			t.Errorf("%s: rule %s was exercised %d times", s.Name, rule.ID, n)
		}
	}
	for kind := model.CallSetupStart; kind < model.CallExit; kind++ {
		if r.Counters[kind] == 0 {
			t.Errorf("%s: %v was never called", s.Name, kind)
		}
	}
}

// replayed runs the path of a finding again and says how it ends.
func replayed(s *kernel.System, f explore.Finding) (how string, calls []string) {
	m := s.NewModel()
	m.Init(f.Init)
	for i, c := range f.Path {
		calls = append(calls, kernel.CallOf(c).String())
		switch o := m.Apply(c); {
		case o.Kind == explore.Moved:
			continue
		case i < len(f.Path)-1:
			return "ends early", calls
		case o.Kind == explore.Crashed:
			return "crash: " + m.Crash().Error(), calls
		default:
			return s.Rules()[o.Rule].ID, calls
		}
	}
	return "nothing", calls
}
