package corpus

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// wholeBoot is a scenario of a harmless change that makes each call of the system
// as soon as it can: first the calls that have not been made, then the rest.
func wholeBoot(m *mutants.Mutant) (systems.Scenario, error) {
	// No hypercall is refused.
	list, err := m.System.Searches(systems.Values{"failures": "false"}, m.Change)
	if err != nil {
		return nil, fmt.Errorf("corpus: %s: %w", m.ID, err)
	}
	const most = 64 // calls; a boot of the tiny systems needs fewer
	s := list[0]
	w := s.Model()
	start := m.Starts()[0]
	w.Init(start)
	f := explore.Finding{Init: start}
	for len(f.Path) < most {
		calls := w.Calls(nil)
		next := slices.IndexFunc(calls, func(code uint64) bool { return !slices.Contains(f.Path, code) })
		if next < 0 {
			break
		}
		f.Path = append(f.Path, calls[next])
		if o := w.Apply(calls[next]); o.Kind != explore.Moved {
			return nil, fmt.Errorf("corpus: %s: %s is not harmless: %v", m.ID, s.CallText(calls[next]), o.Kind)
		}
		w.Decode(w.Encode(nil))
	}
	return s.Scenario(f)
}
