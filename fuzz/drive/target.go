package drive

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// Target is what a fuzz target of package fuzz drives.
type Target interface {
	// Run carries out what an input stands for, up to the first thing that goes
	// wrong.
	Run(data []byte) explore.Outcome
	// Trial is what the last input did, as a scenario.
	Trial() (*trial.Trial, error)
	// Seed is an input that does what a scenario does; ok is false if there is none.
	Seed(t *trial.Trial) (data []byte, ok bool)
}

// Targets are the names of the fuzz targets that drive something.
func Targets() []string {
	return []string{"FuzzNativeBoot", "FuzzXenBoot", "FuzzLife", "FuzzHypercalls"}
}

// Open returns what a fuzz target drives, with a mutant planted in it unless its
// ID is empty.
func Open(target, mutant string) (Target, error) {
	name := map[string]string{"FuzzNativeBoot": "native", "FuzzXenBoot": "xen", "FuzzLife": lifeSystem(), "FuzzHypercalls": "adversary"}[target]
	if name == "" {
		return nil, fmt.Errorf("drive: no fuzz target that drives something is named %q; there are %v", target, Targets())
	}
	o := kernel.Options{Odd: odd()}
	var c mutants.Change
	if mutant != "" {
		var err error
		if target == "FuzzLife" {
			name, o = ownLife(mutant)
		}
		if c, err = trial.ChangeOf(mutant, name); err != nil {
			return nil, fmt.Errorf("drive: %s: %w", target, err)
		}
	}
	switch target {
	case "FuzzHypercalls":
		g, err := NewGuest(c.Judge)
		return &guestTarget{g, mutant}, err
	case "FuzzLife":
		b, err := NewBooted(name, c.Apply(o))
		return &bootTarget{b, mutant}, err
	}
	b, err := NewBoot(name, c.Apply(o))
	return &bootTarget{b, mutant}, err
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

// lifeSystem is the system of life after boot: that of its own if there is one,
// else the one whose second address space can be fuzzed under a hypervisor.
func lifeSystem() string {
	if slices.Contains(all.Names(), "life") {
		return "life"
	}
	return "xen"
}

// ownLife is the part of the system of life after boot that the catalogue plants a
// mutant in. On two processors there are members with a hypervisor and without; its
// table levels are those of the ones that have what it replaces.
func ownLife(mutant string) (name string, o kernel.Options) {
	list, err := mutants.Find([]string{mutant})
	if err != nil || !strings.HasPrefix(list[0].System, "life-") {
		return lifeSystem(), o
	}
	if m := list[0]; m.System == "life-smp" {
		o.Levels, o.Preemptions = []int{m.Levels}, 1
	}
	return list[0].System, o
}

// bootTarget drives a boot system.
type bootTarget struct {
	*Boot
	mutant string
}

func (b *bootTarget) Trial() (*trial.Trial, error) {
	init, calls := b.Path()
	lowmem, stale := b.sys.Bounds()
	return trial.Boot(b.sys.Name, b.mutant, lowmem, stale, b.sys.Inits[init].Name, calls)
}

func (b *bootTarget) Seed(t *trial.Trial) ([]byte, bool) {
	lowmem, stale, start, calls, ok := t.BootCalls()
	if !ok || t.System() != b.sys.Name || lowmem != 0 || stale != 0 {
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

func (g *guestTarget) Trial() (*trial.Trial, error) {
	s, ops := g.Path()
	return trial.Guest("adversary", g.mutant, s.Profile, s.Frames, s.Levels, s.Slots, ops)
}

func (g *guestTarget) Seed(t *trial.Trial) ([]byte, bool) {
	profile, frames, levels, slots, ops, ok := t.GuestOps()
	if !ok {
		return nil, false
	}
	for _, s := range Scopes() {
		if s.Profile == profile && s.Frames >= frames && s.Levels == levels && s.Slots >= slots {
			return g.Encode(s, ops)
		}
	}
	return nil, false
}
