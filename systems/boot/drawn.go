package boot

import (
	"fmt"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// drawnSystem completes a system whose start-of-day tables are those of drawn machines:
// the ones that a property test came upon. backend says how its kernels start: native
// on head.S's tables, xen on a domain builder's.
func drawnSystem(s *kernel.System, backend string, ops hooks.Ops, o kernel.Options) (*kernel.System, error) {
	for _, name := range o.Drawn {
		b, err := drawn.Make(name)
		if err != nil {
			return nil, fmt.Errorf("system %s: %w", s.Name, err)
		}
		if b.Backend != backend {
			return nil, fmt.Errorf("system %s: %s is no start of day of this system", s.Name, name)
		}
		s.Inits = append(s.Inits, kernel.Init{Name: name, State: b.State})
	}
	s.Scope = fmt.Sprintf("%d drawn machines", len(s.Inits))
	return kernel.Finish(s, ops, o)
}
