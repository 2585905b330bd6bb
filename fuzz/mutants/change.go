package mutants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Change is what a mutant replaces. The zero value replaces nothing.
type Change struct {
	// Patch replaces functions of the kernel; nil if none.
	Patch func(*hooks.Ops, *hooks.Funcs)
	// Judge replaces rules of the hypervisor.
	Judge model.Mutant
}

// Change returns what the mutant replaces.
func (m *Mutant) Change() Change { return Change{Patch: m.patch, Judge: m.judge} }

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
