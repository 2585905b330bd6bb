package mutants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Factory returns what makes models of the mutated system, for other ways of
// searching it than [Mutant.Run].
func (m *Mutant) Factory() (explore.Factory, error) {
	s, err := m.subject()
	if err != nil {
		return nil, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	return s.factory, nil
}
