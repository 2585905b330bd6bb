package life

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// families are the systems with all members of a kind.
func families() []family {
	return []family{{"life", "", true, true, false}, {"life-smp", "", true, true, true}}
}

// parts are the parts of a family's searches.
func parts(t *testing.T, f family, o kernel.Options) []kernel.Part {
	t.Helper()
	list, err := f.parts(o)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// search searches a part with its own budget.
func search(t *testing.T, p kernel.Part, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(t.Context(), func() explore.Model { return p.System.NewModel() }, explore.Options{Depth: depth, Workers: 1, MaxStates: p.System.Budget})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("%s from %s: finding %+v", p.Name, p.System.Inits[f.Init].Name, f)
	}
	return r
}

// TestEveryCallHasATheme holds that each call of life after boot is in a theme, and each
// theme on some machine. Everything that is combined follows from them.
func TestEveryCallHasATheme(t *testing.T) {
	var calls []model.CallKind
	for _, theme := range lifeThemes() {
		calls = append(calls, theme.calls...)
		if !slices.ContainsFunc(lifeCases(), func(c lifeCase) bool { return c.theme == theme.name }) {
			t.Errorf("no machine has theme %s", theme.name)
		}
	}
	for k := model.CallMMAlloc; k < model.NumCalls; k++ {
		if !slices.Contains(calls, k) {
			t.Errorf("%v is in no theme", k)
		}
	}
}

// TestThemesMeet holds that any two themes which one machine has are searched together, by
// default and in a sweep, and any three in a sweep.
func TestThemesMeet(t *testing.T) {
	f := families()[0]
	for _, sweep := range []bool{false, true} {
		met := map[string]bool{}
		for _, p := range parts(t, f, kernel.Options{Combine: 3, Sweep: sweep, Draw: 1}) {
			for _, i := range p.System.Inits {
				c, ok := f.caseOf(i.Name)
				if !ok {
					t.Fatalf("%s is no case", i.Name)
				}
				met[c.theme] = true
			}
		}
		for _, c := range f.machines() {
			has := c.fitting()
			for i, a := range has {
				for j, b := range has[:i] {
					if name := together(b, a).name; !met[name] {
						t.Errorf("sweep %t: nobody searches %s", sweep, name)
					}
					for _, d := range has[:j] {
						if name := together(d, b, a).name; sweep && !met[name] {
							t.Errorf("nobody searches %s", name)
						}
					}
				}
			}
		}
	}
}

// TestThemesTogetherHold searches what is searched by default.
func TestThemesTogetherHold(t *testing.T) {
	for _, p := range parts(t, families()[0], kernel.Options{Combine: 3, Draw: 1}) {
		if r := search(t, p, 8); r.Stopped != explore.StopStates || r.States != partBudget || r.Diameter < 3 {
			t.Errorf("%s: stopped by %v in %d states, diameter %d", p.Name, r.Stopped, r.States, r.Diameter)
		}
	}
}

// TestCallsSideBySide makes the pairs of calls of two processors. Each call that two
// processors have must be beside another one, whichever machines are drawn, except for
// those that stop the machine.
func TestCallsSideBySide(t *testing.T) {
	draws := 1
	if longtest.On() {
		draws = 3
	}
	for draw := range draws {
		list := parts(t, families()[1], kernel.Options{Combine: 3, Preemptions: 1, Draw: draw})
		if len(list) != 1 {
			t.Fatalf("%d parts", len(list))
		}
		r := search(t, list[0], 1)
		for k := model.CallMMAlloc; k < model.NumCalls; k++ {
			stops := k == model.CallSuspend || k == model.CallResume
			if list[0].System.Speaks(k) && !stops && r.Counters[k] == 0 {
				t.Errorf("draw %d: %v is never beside another call", draw, k)
			}
		}
		if !strings.Contains(list[0].System.Scope, "on one processor only: lazy_enter") {
			t.Errorf("the scope does not say what is left out: %s", list[0].System.Scope)
		}
	}
}

// TestDraws holds that what is drawn follows from the number alone.
func TestDraws(t *testing.T) {
	names := func(draw int) (all []string) {
		for _, p := range parts(t, families()[0], kernel.Options{Combine: 3, Draw: draw}) {
			for _, i := range p.System.Inits {
				all = append(all, i.Name)
			}
		}
		return all
	}
	first := names(1)
	if !slices.Equal(first, names(1)) || slices.Equal(first, names(2)) {
		t.Error("what is drawn does not follow from the number")
	}
}

// TestCaseNames finds cases by their names.
func TestCaseNames(t *testing.T) {
	for _, f := range families() {
		for _, theme := range append(Themes(), "fork+pages", "pages+fork", "fork+vmalloc+suspend") {
			for _, c := range f.machinesWith(theme) {
				for _, c.sticky = range []bool{false, true} {
					back, ok := f.caseOf(c.name())
					if !ok || back.name() != c.name() || back.sticky != c.sticky || back.uses().name != c.uses().name {
						t.Errorf("%s comes back as %s, %t", c.name(), back.name(), ok)
					}
				}
			}
		}
	}
	for _, bad := range []string{"", "fork", "3level-fork", "3level-fork-xen-9", "4level-high-xen-4.17", "4level-fork-native", "3level-lazy-native-smp", "5level-fork-native", "3level-fork-fork-native"} {
		if c, ok := families()[0].caseOf(bad); ok {
			t.Errorf("%q is %+v", bad, c)
		}
	}
}

// noExit is a rule that processes do not end.
type noExit struct{}

func (noExit) Begin(*model.State) {}

func (noExit) Step(_ *model.State, st *model.Step) (invariants.Answer, invariants.Detail) {
	if st.Op == model.OpCallEnd && st.Call.Kind == model.CallMMExit {
		return invariants.Broken, invariants.Detail{}
	}
	return invariants.Silent, invariants.Detail{}
}

// TestFindingsOfParts has a rule of one's own broken in each part: the scenario begins at
// a start of day that is known by its name, with the calls that the search has not made.
func TestFindingsOfParts(t *testing.T) {
	for _, b := range []*kernel.Backend{Both(), SMP()} {
		inner := b.Parts
		b.Parts = func(o kernel.Options) ([]kernel.Part, error) {
			o.Rules = []invariants.Rule{invariants.NewRule(invariants.Rule{ID: "no-exit", Says: "no process ends"},
				func() invariants.Judge { return noExit{} })}
			return inner(o)
		}
		list, err := b.Searches(systems.Values{}, systems.Change{})
		if err != nil || len(list) < 2 {
			t.Fatalf("%d searches, %v", len(list), err)
		}
		for _, s := range list[1:] {
			r, err := s.Run(t.Context(), explore.Options{Depth: 2, Workers: 1})
			if err != nil || len(r.Findings) != 1 {
				t.Fatalf("%s: %+v, %v", s.Title(), r.Findings, err)
			}
			x, err := s.Scenario(r.Findings[0])
			if err != nil {
				t.Fatal(err)
			}
			p, err := x.Play(systems.PlayOptions{})
			if err != nil || p.Verdict.Fails() || x.Len() <= len(r.Findings[0].Path) {
				t.Errorf("%s: %v, %v, %d calls:\n%s", s.Title(), p, err, x.Len(), x.Body())
			}
		}
	}
}
