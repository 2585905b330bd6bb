package life

import (
	"fmt"
	"hash/fnv"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// What is searched besides each theme by itself: themes together, from machines on which a
// process runs already, and pairs of calls on two processors. All of it follows from the
// lists of themes, calls and machines. Where there are too many, some are drawn, and
// each part has a budget of states; its scope says what that leaves out.

// Budgets of states: of a part, of one in a sweep, and of two processors, where a state has
// hundreds of pairs of calls with dozens of schedules each.
const (
	partBudget  = 5_000
	sweepBudget = 100_000
	raceBudget  = 300
	raceSweep   = 3_000
	besideSweep = 12_000
)

const (
	tripleDraws    = 12 // triples of themes that are drawn, for one machine each
	besideMachines = 1  // of the machines, those that are drawn for pairs of calls
	sweepTimes     = 2  // states in which a sweep tries each pair of calls
)

// combineSettings ask for combinations.
func combineSettings() []systems.Setting {
	return []systems.Setting{
		{Name: "combine", Says: "themes that are searched together at most: 1, 2 or 3; with 2, all of them a few calls deep too", Kind: systems.Number,
			Min: 1, Max: 3, Default: "3"},
		{Name: "sweep", Says: "combine themes, and calls of two processors, on all machines instead of drawn ones, with larger budgets", Kind: systems.Switch,
			Default: "false"},
		{Name: "draw", Says: "number that machines, and triples of themes, are drawn from", Kind: systems.Number, Max: 1 << 30, Default: "1"},
	}
}

// drawn is a number that follows from what it is drawn for.
func drawn(o *kernel.Options, what string) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", o.Draw, what)
	return int(h.Sum64() >> 33)
}

// combination is themes on a machine.
func (f family) combination(o *kernel.Options, name string) []lifeCase {
	list := slices.DeleteFunc(f.machinesWith(name), func(c lifeCase) bool {
		return !o.Wants(c.levels) || o.Profile != nil && (c.profile == nil || c.profile.Name != o.Profile.Name)
	})
	if len(list) > 0 && !o.Sweep && name != everything {
		list = list[drawn(o, name)%len(list):][:1]
	}
	for i := range list {
		list[i].sticky = drawn(o, list[i].name())%2 == 1
	}
	return list
}

// subsets are the names of all sets of so many themes that some machine has together.
func (f family) subsets(size int) []string {
	var out []string
	themes := lifeThemes()
	var grow func(name string, from, left int)
	grow = func(name string, from, left int) {
		if left == 0 {
			if len(f.machinesWith(name)) > 0 {
				out = append(out, name)
			}
			return
		}
		for i := from; i < len(themes); i++ {
			next := themes[i].name
			if name != "" {
				next = name + "+" + next
			}
			grow(next, i+1, left-1)
		}
	}
	grow("", 0, size)
	return out
}

// parts are the searches besides that of each theme by itself.
func (f family) parts(o kernel.Options) ([]kernel.Part, error) {
	if len(o.Themes) > 0 || o.Combine < 2 || o.Change.Kernel != nil || o.Change.OfHypervisor() || o.Change.Machine != nil {
		return nil, nil // one place is asked for, or a bug is planted in one
	}
	if f.smp {
		return f.sideBySide(o)
	}
	o.Failures = false // a refusal is of one call, which is tried with its theme
	all, err := f.part("all themes", []string{everything}, 1, o)
	if err != nil {
		return nil, err
	}
	pairs := f.subsets(2)
	two, err := f.part("pairs of themes", pairs, len(pairs), o)
	if err != nil || o.Combine < 3 {
		return slices.Concat(all, two), err
	}
	triples := f.subsets(3)
	total := len(triples)
	if !o.Sweep {
		slices.SortFunc(triples, func(a, b string) int { return drawn(&o, a) - drawn(&o, b) })
		triples = triples[:min(total, tripleDraws)]
	}
	three, err := f.part("triples of themes", triples, total, o)
	return slices.Concat(all, two, three), err
}

// part searches combinations of themes, of so many that there are.
func (f family) part(name string, combinations []string, total int, o kernel.Options) ([]kernel.Part, error) {
	var cases []lifeCase
	tried := 0
	for _, c := range combinations {
		on := f.combination(&o, c)
		cases = append(cases, on...)
		tried += min(len(on), 1)
	}
	if len(cases) == 0 {
		return nil, nil
	}
	plain, err := f.boot(cases)
	if err != nil {
		return nil, err
	}
	if plain, err = f.finish(plain, o); err != nil {
		return nil, err
	}
	s := &kernel.System{Name: f.name, Enabled: lifeCalls, Kinds: plain.Kinds}
	for i := range plain.Inits {
		s.Inits = append(s.Inits, plain.Wayside(i, busiest(plain, i)))
	}
	s.Scope = fmt.Sprintf("%d of %d %s, %s; from the busiest of the first %d states of %d machines", tried, total, name, onMachines(&o), nearby, len(s.Inits))
	if combinations[0] == everything {
		s.Scope = fmt.Sprintf("all themes together that a machine has; from the busiest of the first %d states of %d machines", nearby, len(s.Inits))
	}
	if s.Budget = partBudget; o.Sweep {
		s.Budget = sweepBudget
	}
	s, err = f.finish(s, o)
	return []kernel.Part{{Name: name, System: s}}, err
}

// onMachines says on which machines combinations are tried.
func onMachines(o *kernel.Options) string {
	if o.Sweep {
		return "on every machine that has them"
	}
	return fmt.Sprintf("each on one machine that has them (draw %d)", o.Draw)
}

// nearby is how many states a survey looks at for a busy one.
const nearby = 60

// busiest is the way to the nearest state in which the most kinds of calls are possible.
func busiest(s *kernel.System, init int) (way []kernel.Call) {
	best := -1
	var codes []uint64
	s.Survey(init, nearby, func(st *model.State, to func() []kernel.Call) bool {
		var kinds uint64
		codes = lifeCalls(codes[:0], st)
		for _, code := range codes {
			kinds |= 1 << kernel.CallOf(code).Kind
		}
		if n := bits.OnesCount64(kinds); n > best {
			best, way = n, to()
		}
		return true
	})
	return way
}
