package mutants

import (
	"context"
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// Shortest searches the mutated system as deep as the mutant needs, and has the length
// of the shortest way to each thing that goes wrong, by rule or kind of crash. It is
// what engines that go at random are compared with: a kernel's scope is the system's
// own, with all levels and themes, and without hypercalls that are refused.
func (m *Mutant) Shortest(ctx context.Context) (map[string]int, error) {
	v := m.Values
	if !m.Change.OfHypervisor() {
		v = systems.Values{"failures": "false"}
	}
	list, err := m.System.Searches(v, m.Change)
	if err != nil {
		return nil, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	r, err := list[0].Run(ctx, explore.Options{Depth: m.Steps, FindAll: true, NoSymmetry: true})
	if err != nil {
		return nil, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	shortest := map[string]int{}
	for _, f := range r.Findings {
		what := list[0].Breaks(f).What
		if n, ok := shortest[what]; !ok || len(f.Path) < n {
			shortest[what] = len(f.Path)
		}
	}
	return shortest, nil
}
