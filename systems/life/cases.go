package life

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"
)

// lifeCase is a member of the family: a booted machine and what happens on it.
type lifeCase struct {
	levels  int
	profile *model.Profile // nil: bare metal
	theme   string         // one, or several with plus signs between; see named
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

// lifeMachines are the machines that themes are combined on: each number of levels with
// each hypervisor that has it, and bare metal.
func lifeMachines() []lifeCase {
	old, now := model.Xen31(), model.Xen417()
	return []lifeCase{
		{levels: 2}, {levels: 3},
		{levels: 2, profile: old}, {levels: 3, profile: old}, {levels: 3, profile: now}, {levels: 4, profile: old}, {levels: 4, profile: now},
	}
}

// machines are those of the family.
func (f family) machines() []lifeCase {
	var out []lifeCase
	for _, c := range lifeMachines() {
		c.smp = f.smp
		if f.has(&c) {
			out = append(out, c)
		}
	}
	return out
}

// machinesWith are the family's machines that have a theme.
func (f family) machinesWith(theme string) []lifeCase {
	var out []lifeCase
	for _, c := range f.machines() {
		if t, ok := c.named(theme); ok {
			c.theme = t.name
			out = append(out, c)
		}
	}
	return out
}

// special adds a machine to the options by its name, of one that has a combination of
// themes.
func (f family) special(start string, o *kernel.Options) bool {
	c, ok := f.caseOf(start)
	if !ok || slices.ContainsFunc(lifeCases(), func(own lifeCase) bool { return own.name() == start }) {
		return false
	}
	o.Special = append(o.Special, c.name())
	return true
}

// caseOf is the case with a name, the reverse of name.
func (f family) caseOf(name string) (c lifeCase, ok bool) {
	levels, rest, _ := strings.Cut(name, "level-")
	c.levels, _ = strconv.Atoi(levels)
	c.theme, rest, _ = strings.Cut(rest, "-")
	rest, c.sticky = strings.CutSuffix(rest, "-stickytlb")
	rest, c.smp = strings.CutSuffix(rest, "-smp")
	if rest != "native" {
		c.profile, _ = model.ProfileNamed(rest)
	}
	for _, m := range f.machines() {
		if m.levels != c.levels || (m.profile == nil) != (c.profile == nil) {
			continue
		}
		if t, ok := c.named(c.theme); ok && t.name == c.theme && c.name() == name && f.has(&c) {
			return c, true
		}
	}
	return lifeCase{}, false
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
