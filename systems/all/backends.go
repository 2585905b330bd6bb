package all

import (
	"fmt"

	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"

	"github.com/ptcheck/ptcheck/systems/example/shadow"
)

// Backends is the list of backends. A new one is a package that returns its
// hooks, and a line here.
func Backends() []kernel.Backend {
	return []kernel.Backend{
		{Name: "native", Says: "the native hooks on head.S's boot tables", New: boot.Native},
		{Name: "xen", Says: "the Xen hooks on a domain builder's tables", Paravirt: true, New: boot.Xen},
		{Name: "buffer", Says: "kernels of 2.6.39: tables from a buffer, natively and under Xen", Later: true, Paravirt: true, New: boot.Buffer},
		{Name: "topdown", Says: "kernels of 3.8: memory mapped from its top down, natively and under Xen", Later: true, Paravirt: true, New: boot.TopDown},
		life.Backend("life", "kernels that have booted, natively and under Xen: processes, vmalloc, kmaps, lazy updates", true),
		life.Backend("life-native", "the native ones of life", false),
		life.Backend("life-xen", "those of life under Xen", true),
		life.Backend("life-smp", "booted kernels on two processors, natively and under Xen", true),
		example(boot.OnBareMetal("shadow", "example: a guest that announces its changes to a shadowing hypervisor", shadow.Ops, shadow.Rules()...)),
	}
}

// FindBackend returns the backend with a name.
func FindBackend(name string) (kernel.Backend, bool) {
	for _, b := range Backends() {
		if b.Name == name {
			return b, true
		}
	}
	return kernel.Backend{}, false
}

// Names are the names of all boot systems.
func Names() []string {
	var names []string
	for _, b := range Backends() {
		names = append(names, b.Name)
	}
	return names
}

// DefaultNames are the boot systems that are searched when none is named.
func DefaultNames() []string {
	var names []string
	for _, b := range Backends() {
		if !b.Example && !b.Later {
			names = append(names, b.Name)
		}
	}
	return names
}

// New returns a boot system by name: that of a backend of [Backends].
func New(name string, o kernel.Options) (*kernel.System, error) {
	if b, ok := FindBackend(name); ok {
		return b.New(o)
	}
	return nil, fmt.Errorf("system: no system is named %q", name)
}

func example(b kernel.Backend) kernel.Backend {
	b.Example = true
	return b
}
