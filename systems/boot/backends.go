package system

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/systems/example/shadow"
)

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

// Backends is the list of backends. A new one is a package that returns its
// hooks, and a line here.
func Backends() []Backend {
	return []Backend{
		{Name: "native", Says: "the native hooks on head.S's boot tables", New: Native},
		{Name: "xen", Says: "the Xen hooks on a domain builder's tables", Paravirt: true, New: Xen},
		{Name: "buffer", Says: "kernels of 2.6.39: tables from a buffer, natively and under Xen", Later: true, Paravirt: true, New: Buffer},
		{Name: "topdown", Says: "kernels of 3.8: memory mapped from its top down, natively and under Xen", Later: true, Paravirt: true, New: TopDown},
		life("life", "kernels that have booted, natively and under Xen: processes, vmalloc, kmaps, lazy updates", true),
		life("life-native", "the native ones of life", false),
		life("life-xen", "those of life under Xen", true),
		life("life-smp", "booted kernels on two processors, natively and under Xen", true),
		OnBareMetal("shadow", "example: a guest that announces its changes to a shadowing hypervisor", shadow.Ops, shadow.Rules()...).example(),
	}
}

// OnBareMetal is a backend that boots on bare machines: head.S's tables, all of
// which the kernel may write. rules are its own, besides the common ones.
func OnBareMetal(name, says string, ops func() hooks.Ops, rules ...invariants.Rule) Backend {
	return Backend{Name: name, Says: says, Rules: rules, New: func(o Options) (*System, error) {
		return build(name, ops(), rules, o, bareMetal)
	}}
}

// UnderXen is a backend that boots as a guest of Xen, on a domain builder's
// tables, under the rules of Options.Profile.
func UnderXen(name, says string, ops func() hooks.Ops, rules ...invariants.Rule) Backend {
	return Backend{Name: name, Says: says, Rules: rules, Paravirt: true, New: func(o Options) (*System, error) {
		return build(name, ops(), rules, o, underXen)
	}}
}

// build makes the system of a backend that has all its hooks.
func build(name string, ops hooks.Ops, rules []invariants.Rule, o Options, family func(string, hooks.Ops, Options) (*System, error)) (*System, error) {
	if unset := unsetHooks(&ops); unset != nil {
		return nil, fmt.Errorf("system: %s: hooks that are not set: %s", name, strings.Join(unset, ", "))
	}
	o.Rules = append(rules[:len(rules):len(rules)], o.Rules...)
	return family(name, ops, o)
}

// unsetHooks names the hooks that a backend leaves out. Variants may be left out.
func unsetHooks(ops *hooks.Ops) []string {
	var unset []string
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Func && f.IsNil() {
			unset = append(unset, v.Type().Field(i).Name)
		}
	}
	return unset
}

// FindBackend returns the backend with a name.
func FindBackend(name string) (Backend, bool) {
	for _, b := range Backends() {
		if b.Name == name {
			return b, true
		}
	}
	return Backend{}, false
}

func (b Backend) example() Backend {
	b.Example = true
	return b
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

// startNames are the names of the start-of-day states.
func (s *System) startNames() []string {
	var names []string
	for i := range s.Inits {
		names = append(names, s.Inits[i].Name)
	}
	return names
}
