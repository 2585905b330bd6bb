package corpus

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
)

// wholeBoot is a scenario of a harmless change that makes each call of the system
// as soon as it can: first the calls that have not been made, then the rest.
func wholeBoot(m *mutants.Mutant) ([]byte, error) {
	sys, err := all.New(m.System, m.Change().Apply(kernel.Options{}))
	if err != nil {
		return nil, fmt.Errorf("corpus: %s: %w", m.ID, err)
	}
	const most = 64 // calls; a boot of the tiny systems needs fewer
	w := sys.NewModel()
	w.Init(0)
	var path []kernel.Call
	for len(path) < most {
		next := slices.IndexFunc(w.Enabled(nil), func(code uint64) bool { return !slices.Contains(path, kernel.CallOf(code)) })
		if next < 0 {
			break
		}
		c := kernel.CallOf(w.Enabled(nil)[next])
		path = append(path, c)
		if o := w.Apply(c.Code()); o.Kind != explore.Moved {
			return nil, fmt.Errorf("corpus: %s: %s is not harmless: %v", m.ID, c, o.Kind)
		}
	}
	return sys.Scenario(0, path, ""), nil
}
