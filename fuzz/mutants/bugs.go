package mutants

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
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

// Planted finds the mutant or harmless change with an ID that can be planted in a
// system. Each can be in the system that its row names; one of the hypervisor under any
// hostile guest as well, for it is the same hypervisor that judges them all.
func Planted(id string, in systems.About) (*Mutant, error) {
	var elsewhere *Mutant
	known := false
	for _, m := range slices.Concat(All(), Harmless()) {
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
	switch {
	case elsewhere != nil:
		return elsewhere, nil
	case known:
		return nil, fmt.Errorf("%s is no mutant of system %s", id, in.Name)
	}
	return nil, fmt.Errorf("no mutant is named %q", id)
}

// Set is the systems that come with ptcheck, with the mutants to plant in them.
func Set() (*systems.Set, error) { return systems.NewSet(Bugs, all.Systems()...) }
