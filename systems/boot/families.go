package boot

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
)

// Native is the bare-metal system: native hooks on head.S's boot tables.
func Native() *kernel.Backend {
	b := OnBareMetal("native", "the native hooks on head.S's boot tables", native.Ops)
	b.Default = true
	return b
}

// Xen is the paravirtual system: Xen hooks on a domain builder's tables.
func Xen() *kernel.Backend {
	b := UnderXen("xen", "the Xen hooks on a domain builder's tables", xen.Ops)
	b.Default = true
	return b
}

// OnBareMetal is a backend that boots on bare machines: head.S's tables, all of
// which the kernel may write. rules are its own, besides the common ones.
func OnBareMetal(name, says string, ops func() hooks.Ops, rules ...invariants.Rule) *kernel.Backend {
	return &kernel.Backend{
		Name: name, Says: says, Rules: rules, Special: special,
		Takes: []systems.Setting{systems.LevelsSetting(), kernel.LowmemSetting(), systems.SymmetrySetting()},
		New: func(o kernel.Options) (*kernel.System, error) {
			return build(name, ops(), rules, o, bareMetal)
		},
	}
}

// UnderXen is a backend that boots as a guest of Xen, on a domain builder's
// tables, under the rules of Options.Profile. rules are its own, besides the common
// ones.
func UnderXen(name, says string, ops func() hooks.Ops, rules ...invariants.Rule) *kernel.Backend {
	return &kernel.Backend{
		Name: name, Says: says, Rules: rules, Special: special,
		Takes: []systems.Setting{systems.LevelsSetting(), kernel.LowmemSetting(), kernel.StaleSetting(), systems.ProfileSetting(),
			kernel.FailuresSetting()},
		New: func(o kernel.Options) (*kernel.System, error) {
			return build(name, ops(), rules, o, underXen)
		},
	}
}

// special adds an odd member or a drawn machine to the options, by its name.
func special(start string, o *kernel.Options) bool {
	if n, ok := OddNumber(start); ok {
		o.Odd = []int{n}
		return true
	}
	if drawn.IsName(start) {
		o.Drawn = []string{start}
		return true
	}
	return false
}

// build makes the system of a backend that has all its hooks.
func build(name string, ops hooks.Ops, rules []invariants.Rule, o kernel.Options, family func(string, hooks.Ops, kernel.Options) (*kernel.System, error)) (*kernel.System, error) {
	if unset := unsetHooks(&ops); unset != nil {
		return nil, fmt.Errorf("system %s: hooks that are not set: %s", name, strings.Join(unset, ", "))
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
