package hooks

import "github.com/ptcheck/ptcheck/model"

// Kernel is the kernel under test: generic code and a backend on a machine. It
// holds no state of its own.
type Kernel struct {
	M  *model.Machine
	PV *Ops
	Fn *Funcs

	scratch [2]scratch // by processor; means nothing between calls
}

// scratch is room for the length of a call.
type scratch struct {
	gather Gather
	pmds   [maxPmds]model.PFN
}

// New returns a kernel with the original generic code.
func New(m *model.Machine, pv *Ops) *Kernel {
	fn := Generic()
	return &Kernel{M: m, PV: pv, Fn: &fn}
}

// Start sets what the kernel remembers to its value at the first instruction
// of C code.
func (o *Ops) Start(s *model.State) {
	s.Kernel.SetPTE = o.BootSetPTE
	s.Kernel.AllocPT = o.BootAllocPT
}
