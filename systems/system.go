package systems

import (
	"context"
	"errors"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// System is what can be searched, replayed and shown. It does not change once made and
// may be used from several goroutines.
type System interface {
	// About says what the system is.
	About() About
	// Settings are what its searches can be asked for, as data: the command line makes
	// flags of them, and a setting that is not listed is refused.
	Settings() []Setting
	// Searches returns the searches that values of the settings ask for, each with a
	// change planted in it. A system that is only replayed has none.
	Searches(v Values, c Change) ([]*Search, error)
	// Read makes a scenario of a script, with a change planted in it. Nothing runs
	// yet. Errors are of type [*script.Error] and name file, line and column.
	Read(f *script.File, c Change) (Scenario, error)
}

// About says what a system is.
type About struct {
	// Name is what the command line and scenario files call it: one word.
	Name string
	// Says describes it in one line.
	Says string
	// Notes are for the help of explore: what does not fit that line. May be empty.
	Notes string
	// Default says that it is searched when no system is named.
	Default bool
	// Hostile says that it is a guest without a kernel, which the hypervisor alone
	// judges: a bug of the hypervisor can be planted under any such guest.
	Hostile bool
	// Unnamed says that scripts which name no system are its own. At most one system
	// of a set is.
	Unnamed bool
}

// Search is one state graph that can be searched.
type Search struct {
	// System is the system's name, Part that of the scope where it has several, else
	// empty.
	System, Part string
	// Scope says in one line what the search ranges over.
	Scope string
	// Depth is how deep it goes unless another depth is asked for: so many calls, 0
	// for until nothing is new. Negative: as deep as other systems.
	Depth int
	// Budget is how many states are looked at unless another number is asked for: the
	// nearest ones; 0: as many as there are.
	Budget uint64
	// Deepest bounds the depth, however deep the search is asked to go; 0: it does not.
	Deepest int
	// Model makes the view of one worker.
	Model explore.Factory
	// Engine searches what a factory makes models of; nil: [explore.Run]. It is
	// [explore.Run] for models that may do what no engine can see, and returns an error
	// of type [Trouble] then.
	Engine func(context.Context, explore.Factory, explore.Options) (explore.Result, error)
	// Apart says that no state can be reached from two initial states: searched one by one
	// they come to the same.
	Apart bool
	// Symmetric says that symmetric states count once.
	Symmetric bool
	// Coverage names the counters of a search: what was done, what was put to the test.
	Coverage func(counters []uint64) []reports.Group
	// CallText writes a call's code in one line: the operation of scenario files that it
	// is, or several in short.
	CallText func(code uint64) string
	// Breaks names what a finding breaks, as a line "expect" has it, without place.
	Breaks func(explore.Finding) Verdict
	// Rules are what states and transitions are judged by: a finding that breaks a rule has
	// the number of one of them.
	Rules []invariants.Rule
	// View describes the working state of a model, one that Model has made.
	View func(explore.Model) reports.State
	// Scenario turns a finding into the scenario that leads to it.
	Scenario func(explore.Finding) (Scenario, error)
}

// Run searches. Code under test that does not do the same twice is an error of type
// [Fickle], whoever has noticed it.
func (s *Search) Run(ctx context.Context, o explore.Options) (explore.Result, error) {
	engine := s.Engine
	if engine == nil {
		engine = explore.Run
	}
	r, err := engine(ctx, s.Model, o)
	var partial *explore.PartialError
	var differs *explore.NondeterminismError
	if errors.As(err, &differs) && !errors.As(err, &partial) {
		err = s.differs(differs)
	}
	return r, err
}

// RunWith searches like Run, with a model around each that the search makes.
func (s *Search) RunWith(ctx context.Context, around func(explore.Model) Outer, o explore.Options) (explore.Result, error) {
	inside := *s
	inside.Model = func() explore.Model { return around(s.Model()) }
	return inside.Run(ctx, o)
}

// Outer is a model that stands around another one and looks at what that does.
type Outer interface {
	explore.Model
	Inner() explore.Model
}

// Title is the system's name, with the part that is searched.
func (s *Search) Title() string {
	if s.Part == "" {
		return s.System
	}
	return s.System + " " + s.Part
}

// Ruled is a system that brings rules of its own, besides those of package invariants.
type Ruled interface {
	OwnRules() []invariants.Rule
}
