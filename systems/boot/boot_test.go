package boot_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// TestSystemsHold searches both systems until nothing is new. The numbers are
// what the searches found when the systems were made: a family, a call or a rule
// that gets lost shows in them.
func TestSystemsHold(t *testing.T) {
	for _, x := range []struct {
		system              *kernel.Backend
		levels              int
		states, transitions uint64
		diameter            int
	}{
		{boot.Native(), 2, 8176, 91308, 20},
		{boot.Native(), 3, 19096, 220815, 12},
		{boot.Xen(), 2, 2716, 28382, 20},
		{boot.Xen(), 3, 4946, 82210, 11},
		{boot.Xen(), 4, 2059, 34500, 20},
	} {
		s := kerneltest.New(t, x.system, kernel.Options{Levels: []int{x.levels}})
		r := kerneltest.Search(t, s, 0)
		kerneltest.NothingFound(t, s, r)
		if !r.Complete || r.States != x.states || r.Transitions != x.transitions || r.Diameter != x.diameter {
			t.Errorf("%s with %d levels: complete %t, %d states, %d transitions, diameter %d; want %d, %d, %d", s.Name, x.levels,
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
