package mutants

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Bugs finds what a mutant or a harmless change changes in a system, by its ID, for
// [systems.NewSet].
func Bugs(id string, in systems.About) (systems.Change, error) {
	m, err := Planted(id, in)
	if err != nil {
		return systems.Change{}, err
	}
	return m.Change, nil
}

// Planted finds the mutant, legal variation or harmless change with an ID that can be
// planted in a system. A mutant can be in the system that its row names, a variation in
// each that it fits; what is one of the hypervisor alone under any hostile guest as well,
// for it is the same hypervisor that judges them all.
func Planted(id string, in systems.About) (*Mutant, error) {
	var elsewhere *Mutant
	known := false
	for _, m := range rows() {
		if m.ID != id {
			continue
		}
		if m.SystemName() == in.Name {
			return &m, nil
		}
		known = true
		if in.Hostile && m.Change.OfHypervisor() {
			elsewhere = &m
		}
	}
	if elsewhere != nil {
		return elsewhere, nil
	}
	for _, v := range Variations() {
		if v.ID != id {
			continue
		}
		if m, err := v.in(in.Name); m != nil || err != nil {
			return m, err
		}
		known = true
	}
	if known {
		return nil, fmt.Errorf("%s is no mutant of system %s", id, in.Name)
	}
	return nil, fmt.Errorf("no mutant is named %q", id)
}

// rows are what can be planted in the system that a row names. They are made once, and are
// nobody's to change: a bug is looked for whenever a finding is read.
var rows = sync.OnceValue(func() []Mutant { return append(All(), hyperHarmless()...) })

// in is the variation in a system, by its name; nil if it does not fit.
func (v *Variation) in(system string) (*Mutant, error) {
	list := all.Systems()
	i := slices.IndexFunc(list, func(s systems.System) bool { return s.About().Name == system })
	if i < 0 {
		return nil, nil
	}
	b, ok := list[i].(*kernel.Backend)
	if !ok || len(b.OwnRules()) > 0 {
		return nil, nil
	}
	h, err := homeOf(b)
	if err != nil {
		return nil, err
	}
	starts := v.fitting(h)
	if len(starts) == 0 {
		return nil, nil
	}
	m := v.row(h, starts)
	return &m, nil
}

// Set is the systems that come with ptcheck, with the mutants to plant in them.
func Set() (*systems.Set, error) { return systems.NewSet(Bugs, all.Systems()...) }
