package drive

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// Target is what a fuzz target of package fuzz drives.
type Target interface {
	// Run carries out what an input stands for, up to the first thing that goes
	// wrong.
	Run(data []byte) explore.Outcome
	// File is what the last input did, as a scenario.
	File() (*systems.File, error)
	// Seed is an input that does what a scenario does; ok is false if there is none.
	Seed(f *systems.File) (data []byte, ok bool)
}

// target is a fuzz target by its name. It drives the first of its systems, and of a
// mutant the first that the mutant can be planted in.
type target struct {
	name    string
	systems []driven
}

// driven is a system that a target can drive.
type driven struct {
	systems.System
	// open returns its driver with a mutant planted; the zero one plants nothing.
	open func(m *mutants.Mutant) (Target, error)
}

func targets() []target {
	return []target{
		{"FuzzNativeBoot", []driven{booting(boot.Native())}},
		{"FuzzXenBoot", []driven{booting(boot.Xen())}},
		{"FuzzLife", []driven{booted(life.Both()), booted(life.Native()), booted(life.Xen()), paired(life.SMP())}},
		{"FuzzHypercalls", []driven{{pvdp.Adversary(), func(m *mutants.Mutant) (Target, error) {
			g, err := NewGuest(m.Change)
			return &guestTarget{g, m.ID}, err
		}}}},
		{"FuzzHostile", []driven{{hostile.System(), hosted}}},
	}
}

// booting drives boots, those of odd members beside the family's too.
func booting(b *kernel.Backend) driven {
	return driven{b, func(m *mutants.Mutant) (Target, error) {
		d, err := NewBoot(b, kernel.Options{Odd: odd(), Change: m.Change})
		return &bootTarget{d, m.ID}, err
	}}
}

// booted drives what follows a boot.
func booted(b *kernel.Backend) driven {
	return driven{b, func(m *mutants.Mutant) (Target, error) {
		d, err := NewBooted(b, kernel.Options{Change: m.Change})
		return &bootTarget{d, m.ID}, err
	}}
}

// paired drives two processors. There are members with a hypervisor and without; a
// mutant's table levels are those of the ones that have what it replaces.
func paired(b *kernel.Backend) driven {
	return driven{b, func(m *mutants.Mutant) (Target, error) {
		row := kernel.OptionsOf(m.Values, m.Change)
		d, err := NewBooted(b, kernel.Options{Levels: row.Levels, Preemptions: row.Preemptions, Change: m.Change})
		return &bootTarget{d, m.ID}, err
	}}
}

// hosted drives hostile guests: in all their scopes, or in the one that a mutant names, as others
// may not even start with it.
func hosted(m *mutants.Mutant) (Target, error) {
	x := m.System
	if x == nil {
		x = hostile.System()
	}
	d, err := NewSearched(x, m.Values, m.Change)
	return &searchTarget{d, m.ID}, err
}

// odd are the numbers of the odd members that inputs choose from, beside the
// families. More would take workers long to make.
func odd() []int {
	out := make([]int, 96)
	for i := range out {
		out[i] = i
	}
	return out
}

// Targets are the names of the fuzz targets that drive something.
func Targets() []string {
	var names []string
	for _, t := range targets() {
		names = append(names, t.name)
	}
	return names
}

// Open returns what a fuzz target drives, with a mutant planted in it unless its
// ID is empty.
func Open(name, mutant string) (Target, error) {
	i := slices.Index(Targets(), name)
	if i < 0 {
		return nil, fmt.Errorf("drive: no fuzz target that drives something is named %q; there are %v", name, Targets())
	}
	list := targets()[i].systems
	if mutant == "" {
		return list[0].open(&mutants.Mutant{})
	}
	var none error
	for _, d := range list {
		m, err := mutants.Planted(mutant, d.About())
		if err == nil {
			return d.open(m)
		}
		if none == nil {
			none = err
		}
	}
	return nil, fmt.Errorf("drive: %s: %w", name, none)
}

// bootTarget drives a kernel.
type bootTarget struct {
	*Boot
	mutant string
}

// File implements [Target].
func (b *bootTarget) File() (*systems.File, error) { return fileOf(b, b.mutant) }

// Seed implements [Target].
func (b *bootTarget) Seed(f *systems.File) ([]byte, bool) {
	in, start, calls, ok := kernel.CallsOf(f.Scenario)
	if !ok || f.System() != b.sys.Name || in != (kernel.Bounds{}) {
		return nil, false
	}
	init := slices.IndexFunc(b.sys.Inits, func(i kernel.Init) bool { return i.Name == start })
	if init < 0 {
		return nil, false
	}
	return b.Encode(init, calls)
}

// guestTarget drives hostile guests.
type guestTarget struct {
	*Guest
	mutant string
}

// File implements [Target].
func (g *guestTarget) File() (*systems.File, error) { return fileOf(g, g.mutant) }

// Seed implements [Target].
func (g *guestTarget) Seed(f *systems.File) ([]byte, bool) {
	b, ops, ok := pvdp.OpsOf(f.Scenario)
	if !ok {
		return nil, false
	}
	for _, s := range Scopes() {
		if s.Profile == b.Profile && s.Frames >= b.Frames && s.Levels == b.Levels && s.Slots >= b.Slots {
			return g.Encode(s, ops)
		}
	}
	return nil, false
}

// searchTarget drives the searches of a system.
type searchTarget struct {
	*Searched
	mutant string
}

// File implements [Target].
func (d *searchTarget) File() (*systems.File, error) { return fileOf(d, d.mutant) }

// fileOf is what a driver did, as a file with a mutant that is planted already.
func fileOf(d interface {
	Scenario() (systems.Scenario, error)
}, mutant string) (*systems.File, error) {
	s, err := d.Scenario()
	if err != nil {
		return nil, err
	}
	return &systems.File{Name: s.System(), Mutant: mutant, Scenario: s}, nil
}
