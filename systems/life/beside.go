package life

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// surveyed is how many states of a machine are looked at for those in which two calls can
// be made side by side.
const surveyed = 600

// besideKey is what pairs of calls that are tried once have in common: their kinds, and
// whether they are about the same process.
type besideKey struct {
	a, b model.CallKind
	same bool
}

// keyOf is the key of a pair in a state. A call that names no process is about the one whose
// tables its processor uses.
func keyOf(s *model.State, c kernel.Call) besideKey {
	about := func(c kernel.Call) int {
		if n, _ := c.LifeArgs(); n >= 0 {
			return n
		}
		return int(s.Kernel.Life.CPU[c.CPU].Current)
	}
	second := besides(c)
	k := besideKey{c.Kind, second.Kind, about(c) == about(second)}
	if k.a > k.b {
		k.a, k.b = k.b, k.a
	}
	return k
}

// meetings are the states in which pairs of calls are tried, each in the nearest ones in
// which both can be made.
type meetings struct {
	plain *kernel.System
	times int // states for each pair on each machine
	inits []kernel.Init
	side  [][]kernel.Call // of each of them
	seen  map[besideKey]int
}

// on adds those of a machine.
func (t *meetings) on(init int) {
	var pairs []kernel.Call
	had := map[besideKey]int{}
	t.plain.Survey(init, t.times*surveyed, func(s *model.State, way func() []kernel.Call) bool {
		pairs = lifePairs(pairs[:0], s)
		var side []kernel.Call
		now := map[besideKey]bool{}
		for _, c := range pairs {
			k := keyOf(s, c)
			if now[k] || had[k] == t.times {
				continue
			}
			now[k] = true
			had[k]++
			t.seen[k]++
			side = append(side, c)
		}
		if side != nil {
			t.inits, t.side = append(t.inits, t.plain.Wayside(init, way())), append(t.side, side)
		}
		return true
	})
}

// sideBySide searches the pairs of calls of two processors.
func (f family) sideBySide(o kernel.Options) ([]kernel.Part, error) {
	o.Failures = false // what one processor's kernel does, it does beside another one
	cases := f.combination(&o, everything)
	t := meetings{times: 1, seen: map[besideKey]int{}}
	how := fmt.Sprintf("on %d of %d machines (draw %d)", min(besideMachines, len(cases)), len(cases), o.Draw)
	if o.Sweep {
		t.times, how = sweepTimes, fmt.Sprintf("on all %d machines, each pair in %d states", len(cases), sweepTimes)
	} else {
		slices.SortFunc(cases, func(a, b lifeCase) int { return drawn(&o, a.name()) - drawn(&o, b.name()) })
		cases = cases[:min(besideMachines, len(cases))]
	}
	if len(cases) == 0 {
		return nil, nil
	}
	plain, err := f.boot(cases)
	if err != nil {
		return nil, err
	}
	if t.plain, err = f.finish(plain, o); err != nil {
		return nil, err
	}
	for i := range plain.Inits {
		t.on(i)
	}
	s := &kernel.System{Name: f.name, Enabled: noCalls, Kinds: plain.Kinds, Inits: t.inits, Deepest: 1}
	s.Chosen = func(init int, _ *model.State, c kernel.Call) bool { return slices.Contains(t.side[init], c) }
	s.Scope = fmt.Sprintf("%s, %s; %s", t.covered(), how, leftOut())
	if o.Sweep {
		s.Budget, s.Deepest = besideSweep, 0
	}
	s, err = f.finish(s, o)
	return []kernel.Part{{Name: "pairs of calls", System: s}}, err
}

// noCalls are the calls of one processor alone that a search of pairs makes.
func noCalls(dst []uint64, _ *model.State) []uint64 { return dst }

// covered says which pairs are tried.
func (t *meetings) covered() string {
	var kinds int
	for k := range model.NumCalls {
		if t.plain.Kinds>>k&1 != 0 {
			kinds++
		}
	}
	pairs := map[[2]model.CallKind]bool{}
	for k := range t.seen {
		pairs[[2]model.CallKind{k.a, k.b}] = true
	}
	return fmt.Sprintf("%d of the %d pairs of %d calls side by side (the kernel keeps the others apart, or they are never possible at once within %d states)",
		len(pairs), kinds*(kinds+1)/2, kinds, t.times*surveyed)
}

// leftOut names the calls that two processors do not make.
func leftOut() string {
	var here, out []string
	for _, t := range lifeThemes() {
		for _, k := range t.calls {
			if !t.alone {
				here = append(here, k.String())
			}
		}
	}
	for _, t := range lifeThemes() {
		for _, k := range t.calls {
			if name := k.String(); !slices.Contains(here, name) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return "on one processor only: " + strings.Join(out, ", ")
}
