package mutants

import (
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Change is what a mutant replaces. The zero value replaces nothing.
type Change struct {
	// Patch replaces functions of the kernel; nil if none.
	Patch func(*hooks.Ops, *hooks.Funcs)
	// Judge replaces rules of the hypervisor.
	Judge model.Mutant
	// Early changes what later kernels start from; nil if it does not.
	Early func(*kernel.EarlyStart)
}

// Change returns what the mutant replaces.
func (m *Mutant) Change() Change { return Change{Patch: m.patch, Judge: m.judge, Early: m.early} }
