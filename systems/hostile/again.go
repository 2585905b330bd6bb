package hostile

import (
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
)

// StartsAs reports whether a scenario is of a guest that starts as this one does.
func (m *Model) StartsAs(s systems.Scenario) bool {
	x, ok := s.(*attack.Scenario[*Options, Op])
	if !ok {
		return false
	}
	var kind system
	return slices.Equal(kind.Head(x.Start()), kind.Head(m.sys.o.bare()))
}

// OpsOf are the operations of such a scenario, in their order: each says whether a call of this
// model is that operation.
func (m *Model) OpsOf(s systems.Scenario) (same []func(call uint64) bool) {
	x, ok := s.(*attack.Scenario[*Options, Op])
	if !ok {
		return nil
	}
	var kind system
	for _, o := range x.Ops() {
		same = append(same, func(call uint64) bool { return kind.Compare(m.Op(call), o) == 0 })
	}
	return same
}
