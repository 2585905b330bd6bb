package life

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// lifeTheme is a set of calls that are searched together, and what they need.
type lifeTheme struct {
	name  string
	calls []model.CallKind
	mms   int
	pages int
	high  int // frames of high memory
	on    machines
	// alone says that what the calls do is modelled for one processor only.
	alone bool
}

// machines says which machines something is for.
type machines uint8

const (
	guests machines = 1 << iota // under a hypervisor
	narrow                      // 32-bit kernels
	wide                        // 64-bit kernels
)

// lifeThemes are the themes. Each call is in one of them at least. Each has what it needs
// of processes; all of them together are too many states to be searched far.
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
		{name: "lazy", mms: 1, pages: 1, alone: true, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallMMExit, model.CallTouch,
			model.CallProtNone, model.CallUnprotect, model.CallVmalloc, model.CallVTouch, model.CallLazyEnter, model.CallLazyLeave}},
		{name: "high", mms: 2, pages: 1, high: 2, on: narrow, alone: true, calls: with(model.CallTouch, model.CallUnmap, model.CallKmapHigh, model.CallKunmapHigh)},
		{name: "desc", mms: 2, pages: 1, alone: true, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit,
			model.CallVmalloc, model.CallVfree, model.CallVTouch, model.CallGDTLoad, model.CallLDTLoad, model.CallLDTUse, model.CallLDTFree}},
		{name: "suspend", mms: 2, pages: 1, on: guests, calls: with(model.CallTouch, model.CallSuspend, model.CallResume)},
		{name: "small", mms: 2, pages: 2, on: wide, calls: with(model.CallTouch)},
	}
}

// raceThemes are small themes of two processors, which are searched further than others.
func raceThemes() []lifeTheme {
	return []lifeTheme{
		{name: "race", mms: 2, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMPopulate, model.CallMMActivate, model.CallMMSwitch,
			model.CallMMExit, model.CallMMFork, model.CallTouch, model.CallSwapOut}},
		{name: "racevm", mms: 2, pages: 1, calls: []model.CallKind{model.CallMMAlloc, model.CallMMActivate, model.CallVArea, model.CallVfree,
			model.CallVSync}},
	}
}

// everything is the name of all themes together that a machine has.
const everything = "all"

// fits reports whether a theme means something on a machine.
func (t *lifeTheme) fits(c *lifeCase) bool {
	return (t.on&guests == 0 || c.profile != nil) && (t.on&narrow == 0 || c.levels < 4) && (t.on&wide == 0 || c.levels == 4) && (!t.alone || !c.smp)
}

// fitting are the themes that mean something on a machine.
func (c *lifeCase) fitting() []lifeTheme {
	return slices.DeleteFunc(lifeThemes(), func(t lifeTheme) bool { return !t.fits(c) })
}

// together combines themes: the calls of all, and what the neediest of them needs.
func together(themes ...lifeTheme) lifeTheme {
	var out lifeTheme
	var names []string
	for _, t := range themes {
		names = append(names, t.name)
		for _, k := range t.calls {
			if !slices.Contains(out.calls, k) {
				out.calls = append(out.calls, k)
			}
		}
		out.mms, out.pages, out.high = max(out.mms, t.mms), max(out.pages, t.pages), max(out.high, t.high)
		out.on, out.alone = out.on|t.on, out.alone || t.alone
	}
	out.name = strings.Join(names, "+")
	return out
}

// named is the theme of a case by its name: one theme, several with plus signs between,
// or all that fit. ok is false where the machine has no such theme.
func (c *lifeCase) named(name string) (t lifeTheme, ok bool) {
	if name == everything {
		t = together(c.fitting()...)
		t.name = everything
		return t, true
	}
	words := strings.Split(name, "+")
	var parts []lifeTheme
	for _, t := range append(c.fitting(), raceThemes()...) {
		if slices.Contains(words, t.name) {
			parts = append(parts, t)
		}
	}
	return together(parts...), len(parts) == len(words)
}

// uses is what the case's theme consists of.
func (c *lifeCase) uses() lifeTheme {
	t, _ := c.named(c.theme)
	return t
}

// known reports whether some machine has a theme of a name.
func known(name string) bool {
	return slices.ContainsFunc(lifeMachines(), func(c lifeCase) bool { _, ok := c.named(name); return ok })
}

// Themes are the names of the themes of life after boot.
func Themes() []string {
	var names []string
	for _, t := range append(lifeThemes(), raceThemes()...) {
		names = append(names, t.name)
	}
	return append(names, everything)
}
