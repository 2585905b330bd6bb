package kernel

import (
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Backend is an implementation of the hooks with the machines that it boots on. It
// implements [systems.System].
type Backend struct {
	// Name is what the command line and scenario files call its system.
	Name string
	// Says describes it in one line.
	Says string
	// Default says that it is searched when no system is named.
	Default bool
	// Takes are the settings of its searches: those of this package and its own, besides
	// those that every kernel has.
	Takes []systems.Setting
	// Rules are its own, besides those of package invariants.
	Rules []invariants.Rule
	// New makes its searchable system.
	New func(Options) (*System, error)
	// Special adds to the options what it takes to boot a start of day that is no
	// member of the family, by its name, and reports whether it is such a one; nil:
	// there are none.
	Special func(start string, o *Options) bool
	// Parts makes what is searched besides the system of New, each by itself; nil: nothing.
	Parts func(Options) ([]Part, error)
}

// Part is a search of its own.
type Part struct {
	Name   string // tells it apart from others
	System *System
}

var _ systems.System = (*Backend)(nil)

// About implements [systems.System].
func (b *Backend) About() systems.About {
	return systems.About{Name: b.Name, Says: b.Says, Default: b.Default}
}

// Settings implements [systems.System].
func (b *Backend) Settings() []systems.Setting {
	return append(slices.Clone(b.Takes), BudgetSetting(), PatienceSetting(), RecheckSetting())
}

// Searches implements [systems.System]: there is one of the system of New, and one of each
// part.
func (b *Backend) Searches(v systems.Values, c systems.Change) ([]*systems.Search, error) {
	o := OptionsOf(v, c)
	s, err := b.New(o)
	if err != nil {
		return nil, err
	}
	w := newWorld(b, o)
	out := []*systems.Search{b.search(w, Part{System: s})}
	if b.Parts == nil {
		return out, nil
	}
	parts, err := b.Parts(o)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		out = append(out, b.search(w, p))
	}
	return out, nil
}

// search makes the search of a system.
func (b *Backend) search(w *world, p Part) *systems.Search {
	s := p.System
	out := &systems.Search{
		System: b.Name, Part: p.Name, Scope: s.Scope, Depth: -1, Budget: s.Budget, Deepest: s.Deepest,
		Apart:    true, // a packed state begins with the number of its start of the day
		Model:    func() explore.Model { return s.NewModel() },
		Engine:   Search,
		Coverage: func(counters []uint64) []reports.Group { return p.due(s.Coverage(counters)) },
		CallText: func(code uint64) string { return CallOf(code).String() },
		Breaks:   s.breaks,
		Rules:    s.rules,
		View:     func(m explore.Model) reports.State { return view.Snapshot(innermost(m).(*Model).State()) },
		Scenario: func(f explore.Finding) (systems.Scenario, error) {
			return w.scenario(s.bounds, s.Inits[f.Init].Name, s.wayOf(f))
		},
	}
	if s.symmetric {
		out.Symmetric, out.Model = true, func() explore.Model { return s.symmetricModel() }
	}
	return out
}

// due says of counts whether all of them are expected: those of a part are not.
func (p *Part) due(groups []reports.Group) []reports.Group {
	for i := range groups {
		groups[i].Due = groups[i].Due && p.Name == ""
	}
	return groups
}

// wayOf are the calls that lead from a start of day to what was found.
func (s *System) wayOf(f explore.Finding) []Call {
	calls := slices.Clone(s.Inits[f.Init].Way)
	for _, code := range f.Path {
		calls = append(calls, CallOf(code))
	}
	return calls
}

// breaks names what a finding breaks.
func (s *System) breaks(f explore.Finding) systems.Verdict {
	if f.Kind == explore.Crashed {
		return systems.Verdict{Kind: f.Kind, What: model.CrashKind(f.Rule).String()}
	}
	return systems.Verdict{Kind: f.Kind, What: s.rules[f.Rule].ID}
}

// Scenario is calls from a start of day of a family with bounds, by its name, with a
// change planted.
func (b *Backend) Scenario(in Bounds, start string, calls []Call, c systems.Change) (systems.Scenario, error) {
	preemptions := 0
	for _, c := range calls {
		preemptions = max(preemptions, c.preemptions())
	}
	return newWorld(b, Options{Preemptions: preemptions, Change: c}).scenario(in, start, calls)
}

// OwnRules implements [systems.Ruled].
func (b *Backend) OwnRules() []invariants.Rule { return b.Rules }
