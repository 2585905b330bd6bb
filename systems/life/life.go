package life

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// lifeTheme is a set of calls that are searched together.
type lifeTheme struct {
	name  string
	calls []model.CallKind
	mms   int
	pages int
	high  int // frames of high memory
}

// The themes. Each has what it needs of processes; all of them together would be
// too many states.
func lifeThemes() []lifeTheme {
	processes := []model.CallKind{model.CallMMAlloc, model.CallMMPopulate, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit}
	with := func(more ...model.CallKind) []model.CallKind {
		return append(append([]model.CallKind(nil), processes...), more...)
	}
	return []lifeTheme{
		{name: "fork", mms: 2, pages: 1, calls: with(model.CallMMFork, model.CallTouch, model.CallUnmap)},
		{name: "pages", mms: 1, pages: 1, calls: with(model.CallTouch, model.CallUnmap, model.CallProtNone, model.CallUnprotect,
			model.CallSwapOut)},
		{name: "vmalloc", mms: 2, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit,
			model.CallVmalloc, model.CallVfree, model.CallVTouch, model.CallVSync, model.CallVArea}},
		{name: "lazy", mms: 1, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallMMExit, model.CallTouch,
			model.CallProtNone, model.CallUnprotect, model.CallVmalloc, model.CallVTouch, model.CallLazyEnter, model.CallLazyLeave}},
		{name: "high", mms: 2, pages: 1, high: 2, calls: with(model.CallTouch, model.CallUnmap, model.CallKmapHigh, model.CallKunmapHigh)},
		{name: "desc", mms: 2, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit,
			model.CallVmalloc, model.CallVfree, model.CallVTouch, model.CallGDTLoad, model.CallLDTLoad, model.CallLDTUse, model.CallLDTFree}},
		{name: "suspend", mms: 2, pages: 1, calls: with(model.CallTouch, model.CallSuspend, model.CallResume)},
		{name: "small", mms: 2, pages: 2, calls: with(model.CallTouch)},
		{name: "race", mms: 2, pages: 1, calls: with(model.CallMMFork, model.CallTouch, model.CallSwapOut)},
		{name: "racevm", mms: 2, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallVArea, model.CallVfree,
			model.CallVSync}},
	}
}

// theme returns a theme by name.
func theme(name string) lifeTheme {
	for _, t := range lifeThemes() {
		if t.name == name {
			return t
		}
	}
	return lifeTheme{}
}

// Themes are the names of the themes of life after boot.
func Themes() []string {
	var names []string
	for _, t := range lifeThemes() {
		names = append(names, t.name)
	}
	return names
}

// lifeCase is a member of the family: a booted machine and what happens on it.
type lifeCase struct {
	levels  int
	profile *model.Profile // nil: bare metal
	theme   string
	sticky  bool
	smp     bool
}

func lifeCases() []lifeCase {
	old, now := model.Xen31(), model.Xen417()
	return []lifeCase{
		{levels: 3, profile: old, theme: "fork"},
		{levels: 3, profile: now, theme: "fork", sticky: true},
		{levels: 2, profile: old, theme: "fork", sticky: true},
		{levels: 3, profile: now, theme: "pages"},
		{levels: 2, profile: old, theme: "pages"},
		{levels: 4, profile: now, theme: "pages", sticky: true},
		{levels: 3, profile: old, theme: "vmalloc"},
		{levels: 2, profile: old, theme: "vmalloc"},
		{levels: 4, profile: now, theme: "vmalloc", sticky: true},
		{levels: 3, profile: now, theme: "lazy"},
		{levels: 4, profile: old, theme: "lazy", sticky: true},
		{levels: 3, profile: old, theme: "high"},
		{levels: 3, profile: now, theme: "high", sticky: true},
		{levels: 3, profile: now, theme: "desc"},
		{levels: 2, profile: old, theme: "desc", sticky: true},
		{levels: 4, profile: now, theme: "desc"},
		{levels: 3, profile: now, theme: "suspend"},
		{levels: 4, profile: now, theme: "small"},
		{levels: 3, theme: "fork", sticky: true},
		{levels: 2, theme: "fork"},
		{levels: 3, theme: "pages", sticky: true},
		{levels: 2, theme: "pages"},
		{levels: 3, theme: "vmalloc", sticky: true},
		{levels: 2, theme: "vmalloc"},
		{levels: 3, theme: "high", sticky: true},
		{levels: 2, theme: "high"},
		{levels: 2, theme: "desc", sticky: true},
		{levels: 3, profile: now, theme: "race", smp: true},
		{levels: 3, profile: old, theme: "race", smp: true, sticky: true},
		{levels: 2, profile: old, theme: "race", smp: true},
		{levels: 3, profile: now, theme: "racevm", smp: true},
		{levels: 2, theme: "race", smp: true, sticky: true},
		{levels: 2, theme: "racevm", smp: true},
	}
}

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
	b := &kernel.Backend{Name: f.name, Says: f.says, New: f.build}
	b.Takes = []systems.Setting{systems.LevelsSetting(), f.themesSetting(), kernel.InterruptsSetting()}
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
	return systems.Setting{Name: "themes", Says: "what to search of life after boot (default: all)", Kind: systems.WordList, Words: Themes()}
}

// build makes a system of life after boot: processes, the vmalloc area, kmaps and
// descriptor tables of a kernel that has booted.
func (f family) build(o kernel.Options) (*kernel.System, error) {
	s := &kernel.System{Name: f.name, Enabled: lifeCalls}
	for _, want := range o.Themes {
		if theme(want).name == "" {
			return nil, fmt.Errorf("system %s: no theme is named %q; there are %v", f.name, want, Themes())
		}
	}
	for _, c := range lifeCases() {
		if !c.wanted(f, &o) {
			continue
		}
		if o.Profile != nil {
			c.profile = o.Profile
		}
		st, err := c.state()
		if err != nil {
			return nil, fmt.Errorf("system %s: %w", f.name, err)
		}
		s.Kinds |= st.L.Life.Calls
		s.Inits = append(s.Inits, kernel.Init{Name: c.name(), State: st})
	}
	if f.smp {
		s.Pairs = lifePairs
	}
	s.Scope = fmt.Sprintf("%d booted machines", len(s.Inits))
	bare := native.BootedOps()
	if !f.xen {
		return kernel.Finish(s, bare, o)
	}
	if f.native {
		s.Bare = &bare
	}
	return kernel.Finish(s, xen.BootedOps(), o)
}

// wanted reports whether a search asks for the case.
func (c *lifeCase) wanted(f family, o *kernel.Options) bool {
	bare := c.profile == nil
	switch {
	case bare && !f.native, !bare && !f.xen, c.smp != f.smp:
		return false
	case o.Profile != nil && (bare || c.profile.Name != o.Profile.Name):
		return false
	case len(o.Themes) > 0 && !slices.Contains(o.Themes, c.theme):
		return false
	}
	return o.Wants(c.levels)
}

func (c *lifeCase) ops() hooks.Ops {
	if c.profile == nil {
		return native.BootedOps()
	}
	return xen.BootedOps()
}

func (c *lifeCase) name() string {
	n := fmt.Sprintf("%dlevel-%s", c.levels, c.theme)
	if c.profile == nil {
		n += "-native"
	} else {
		n += "-" + c.profile.Name
	}
	if c.smp {
		n += "-smp"
	}
	if c.sticky {
		n += "-stickytlb"
	}
	return n
}
