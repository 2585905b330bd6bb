package mutants

import (
	"github.com/ptcheck/ptcheck/systems/kernel"
	"fmt"

)

// Apply returns the options of a boot system with the change made in it.
func (c Change) Apply(o kernel.Options) kernel.Options {
	o.Patch, o.Early = c.Patch, c.Early
	return o
}

// ChangeOf returns what a mutant or a harmless change replaces in a system, by
// its ID.
func ChangeOf(id, system string) (Change, error) {
	found := false
	for _, m := range append(All(), Harmless()...) {
		if m.ID != id {
			continue
		}
		if m.System == system {
			return m.Change(), nil
		}
		found = true
	}
	if found {
		return Change{}, fmt.Errorf("mutants: %s is no mutant of system %s", id, system)
	}
	return Change{}, fmt.Errorf("mutants: no mutant is named %q", id)
}
