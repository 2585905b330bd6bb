package kernel

import "github.com/ptcheck/ptcheck/invariants"

// Backend is an implementation of the hooks with the machines that it boots on.
type Backend struct {
	// Name is what the command line and scenario files call its system.
	Name string
	// Says describes it in one line.
	Says string
	// Example keeps it out of searches that name no system.
	Example bool
	// Later says that it is about later kernels; it is kept out of such searches too.
	Later bool
	// Paravirt says that it starts on a domain builder's tables, under Xen's rules:
	// Options.Stale and Options.Profile mean something to it.
	Paravirt bool
	// Rules are its own, besides those of package invariants.
	Rules []invariants.Rule
	// New makes its system.
	New func(Options) (*System, error)
}
