package kernel

import (
	"github.com/ptcheck/ptcheck/hooks"
)

// Custom returns a system whose start-of-day states were made elsewhere, such as
// the random ones of property tests. The states must share a backend: all of them
// have a hypervisor or none has. Of the options only Change counts. An error means
// that there are no states.
func Custom(name string, ops hooks.Ops, inits []Init, o Options) (*System, error) {
	s := &System{Name: name, Inits: inits, Scope: "start-of-day tables made elsewhere"}
	return Finish(s, ops, Options{Change: o.Change})
}
