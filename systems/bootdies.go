package systems

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

// BootDies says that a kernel does not live to see the start of a system that goes on
// after a boot: a finding, though not one of that system's search.
type BootDies struct {
	Start string
	Crash model.Crash
}

// Error tells how the kernel died, and where to look for the reason.
func (e *BootDies) Error() string {
	return fmt.Sprintf("%s: the boot dies: %v; ptcheck explore native xen shows how", e.Start, &e.Crash)
}
