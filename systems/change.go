package systems

import (
	"reflect"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Change is a bug that is planted, or a harmless change. The zero value changes
// nothing.
type Change struct {
	// Kernel replaces functions of the kernel; nil: none.
	Kernel func(*hooks.Ops, *hooks.Funcs)
	// Hypervisor replaces decisions of the hypervisor.
	Hypervisor model.Mutant
	// Early changes what later kernels start from; nil: nothing.
	Early func(*EarlyStart)
	// Machine changes what machine a start of the day is of, and what kernel: the
	// layout and what memory holds; nil: nothing. The layout is the state's own.
	Machine func(*model.State)
}

// OfHypervisor reports whether the change is one of the hypervisor alone.
func (c *Change) OfHypervisor() bool {
	return c.Kernel == nil && c.Early == nil && c.Machine == nil && !reflect.ValueOf(c.Hypervisor).IsZero()
}

// Judge returns rules of the hypervisor with the change made in them. The rules given
// stay as they are.
func (c *Change) Judge(p *model.Profile) *model.Profile {
	if p == nil {
		return nil
	}
	changed := *p
	changed.Mutant = c.Hypervisor
	return &changed
}
