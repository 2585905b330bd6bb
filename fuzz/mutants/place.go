package mutants

import (
	"strconv"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// Place is where a mutant is planted: a system, and what of it is searched.
type Place struct {
	System systems.System
	// Values are the settings of the search.
	Values systems.Values
	levels int // of tables; 0: all that the system has
	// reach is how many calls deep the search for a bug goes that shows after so many
	// steps; 0: until nothing is new.
	reach func(steps int) int
	// depth and most bound the search of a change that is no bug: to so many calls, 0 for
	// until nothing is new, and to so many states, 0 for all. starts are the starts of the
	// day on which the change means something, by number.
	depth  int
	most   uint64
	starts []int
}

// Starts are the starts of the day of the system on which a legal variation means
// something, by number.
func (p *Place) Starts() []int { return p.starts }

// SystemName is the name of the system.
func (p *Place) SystemName() string { return p.System.About().Name }

// Levels are the table levels of the scope; 0: all that the system has.
func (p *Place) Levels() int { return p.levels }

// at is a place with a number of table levels; 0: all that the system has.
func at(s systems.System, levels int, reach func(int) int) Place {
	p := Place{System: s, Values: systems.Values{}, levels: levels, reach: reach}
	if levels != 0 {
		p.Values["levels"] = strconv.Itoa(levels)
	}
	return p
}

// Boots of 2007: every bug shows well before.
func eightDeep(int) int { return 8 }

func onNative(levels int) Place { return at(boot.Native(), levels, eightDeep) }
func onXen(levels int) Place    { return at(boot.Xen(), levels, eightDeep) }

// Later kernels have few choices: they are searched whole.
func whole(int) int { return 0 }

func onBuffer(levels int) Place  { return at(boot.Buffer(), levels, whole) }
func onTopDown(levels int) Place { return at(boot.TopDown(), levels, whole) }

// Life after boot, by theme.
func oneMore(steps int) int { return steps + 1 }

func lifeNative(levels int, theme string) Place { return themed(life.Native(), levels, theme, oneMore) }
func lifeXen(levels int, theme string) Place    { return themed(life.Xen(), levels, theme, oneMore) }

// Two processors and hostile guests have many choices, and the states soon become too
// many: what matters shows by the last step.
func asDeep(steps int) int { return steps }

func lifeSMP(levels int, theme string) Place {
	p := themed(life.SMP(), levels, theme, asDeep)
	p.Values["preemptions"], p.Values["failures"] = "1", "false"
	return p
}

func themed(s systems.System, levels int, theme string, reach func(int) int) Place {
	p := at(s, levels, reach)
	p.Values["themes"] = theme
	return p
}

// underPVDP is under the smallest guest of the reference model that has the levels.
func underPVDP(levels int) Place {
	p := at(pvdp.Reference(), levels, eightDeep)
	p.Values["frames"], p.Values["slots"], p.Values["profile"] = "4", "1", "plain"
	return p
}

// under is under a hostile guest of its own.
func under(guest hostile.Options) Place {
	return Place{System: hostile.Custom(hostile.Scope{Options: guest}), levels: len(guest.Slots), reach: asDeep}
}
