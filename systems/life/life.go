package life

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// family is what the members of a system of booted kernels have in common.
type family struct {
	name, says string
	native     bool // members on bare metal
	xen        bool // members under Xen
	smp        bool // two processors
}

// Both are booted kernels, natively and under Xen.
func Both() *kernel.Backend {
	return family{"life", "kernels that have booted, natively and under Xen: processes, vmalloc, kmaps, lazy updates", true, true, false}.backend()
}

// Native are those of them on bare metal.
func Native() *kernel.Backend {
	return family{"life-native", "the native ones of life", true, false, false}.backend()
}

// Xen are those of them under Xen.
func Xen() *kernel.Backend {
	return family{"life-xen", "those of life under Xen", false, true, false}.backend()
}

// SMP are booted kernels with two processors.
func SMP() *kernel.Backend {
	return family{"life-smp", "booted kernels on two processors, natively and under Xen", true, true, true}.backend()
}

func (f family) backend() *kernel.Backend {
	b := &kernel.Backend{Name: f.name, Says: f.says, New: f.build, Parts: f.parts}
	b.Takes = []systems.Setting{systems.LevelsSetting(), f.themesSetting(), kernel.InterruptsSetting()}
	b.Takes = append(b.Takes, combineSettings()...)
	b.Special = f.special
	if f.xen {
		b.Takes = append(b.Takes, systems.ProfileSetting(), kernel.FailuresSetting())
	}
	if f.smp {
		b.Takes = append(b.Takes, kernel.PreemptionsSetting())
	}
	return b
}

// themesSetting asks for themes.
func (f family) themesSetting() systems.Setting {
	return systems.Setting{Name: "themes", Says: "what to search of life after boot, such as fork or fork+lazy (default: each theme)",
		Kind: systems.WordList, Words: Themes(), Sums: true}
}

// build makes a system of life after boot: processes, the vmalloc area, kmaps and
// descriptor tables of a kernel that has booted.
func (f family) build(o kernel.Options) (*kernel.System, error) {
	cases, err := f.cases(&o)
	if err != nil {
		return nil, fmt.Errorf("system %s: %w", f.name, err)
	}
	s, err := f.boot(cases)
	if err != nil {
		return nil, err
	}
	s.Scope = fmt.Sprintf("%d booted machines", len(s.Inits))
	if f.smp {
		s.Chosen = meet
		s.Scope += ", pairs of calls that have to do with one thing"
		if s.Budget = raceBudget; o.Sweep {
			s.Budget = raceSweep
		}
	}
	return f.finish(s, o)
}

// boot boots machines.
func (f family) boot(cases []lifeCase) (*kernel.System, error) {
	s := &kernel.System{Name: f.name, Enabled: lifeCalls}
	for i := range cases {
		st, err := cases[i].state()
		if err != nil {
			return nil, fmt.Errorf("system %s: %w", f.name, err)
		}
		s.Kinds |= st.L.Life.Calls
		s.Inits = append(s.Inits, kernel.Init{Name: cases[i].name(), State: st})
	}
	return s, nil
}

// finish gives a system its hooks.
func (f family) finish(s *kernel.System, o kernel.Options) (*kernel.System, error) {
	s.Interruptible = interruptible
	if f.smp {
		s.Pairs = lifePairs
	}
	bare := native.BootedOps()
	if !f.xen {
		return kernel.Finish(s, bare, o)
	}
	if f.native {
		s.Bare = &bare
	}
	return kernel.Finish(s, xen.BootedOps(), o)
}

// cases are the machines that a search asks for: the family's own, or those with the themes
// that are named, and those of single names.
func (f family) cases(o *kernel.Options) ([]lifeCase, error) {
	var out []lifeCase
	own := lifeCases()
	for _, want := range o.Themes {
		if !known(want) {
			return nil, fmt.Errorf("no theme is named %q; there are %v", want, Themes())
		}
		if !slices.ContainsFunc(own, func(c lifeCase) bool { return f.has(&c) && c.theme == want }) {
			own = append(own, f.machinesWith(want)...)
		}
	}
	for _, c := range own {
		if !c.wanted(f, o) {
			continue
		}
		if o.Profile != nil {
			c.profile = o.Profile
		}
		out = append(out, c)
	}
	for _, name := range o.Special {
		if c, ok := f.caseOf(name); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// wanted reports whether a search asks for the case.
func (c *lifeCase) wanted(f family, o *kernel.Options) bool {
	switch {
	case !f.has(c):
		return false
	case o.Profile != nil && (c.profile == nil || c.profile.Name != o.Profile.Name):
		return false
	case len(o.Themes) > 0 && !slices.ContainsFunc(o.Themes, func(t string) bool { u, ok := c.named(t); return ok && u.name == c.uses().name }):
		return false
	}
	return o.Wants(c.levels)
}

// has reports whether a case is one of the family's.
func (f family) has(c *lifeCase) bool {
	bare := c.profile == nil
	return (!bare || f.native) && (bare || f.xen) && c.smp == f.smp
}
