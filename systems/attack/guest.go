package attack

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Guest is a hostile guest that runs. Its operations are of type O.
type Guest[O any] interface {
	// State is the live state of its machine.
	State() *model.State
	// Restart goes back to the start of the day.
	Restart()
	// Issue carries an operation out. ok is false if it is impossible where it
	// stands: then nothing has happened.
	Issue(o O) (rc model.Errno, ok bool)
	// Changes lists the entries that the operation just issued has changed.
	Changes() []reports.Change
	// Settle makes what has happened the state that the next operation starts from,
	// and judges it: the number of the rule that is broken, -1 for none.
	Settle() (broken int)
	// Conclude adds to a report what the rule just found broken is about, with what was
	// noted of the run.
	Conclude(f *reports.Finding, broken int, w view.Witness)
}

// Kind is a kind of hostile guests. A value of S says where one starts from.
type Kind[S comparable, O any] interface {
	// Name is the name of its system.
	Name() string
	// Open starts a guest under a hypervisor with a change planted. The error says
	// what is wrong with where it starts.
	Open(s S, c systems.Change) (Guest[O], error)
	// Rule describes a rule by its number.
	Rule(broken int) invariants.Rule
	// Start describes for reports where a guest starts, and Frames what it has.
	Start(s S) string
	Frames(s S) string
	// Head writes the lines of a scenario file about the start, without the one that
	// names the system.
	Head(s S) []string
	// Text writes an operation in one line, for reports, and Lines as scenario files
	// have it. The last line is the one that is answered.
	Text(s S, o O) string
	Lines(s S, o O) []string
	// Answered reports whether the guest sees an answer: it sees none of a store.
	Answered(o O) bool
	// Site is the code that carries an operation out, nil if no single function does.
	Site(o O) *reports.Site
	// Impossible says why an operation that was not carried out is impossible.
	Impossible(s S, o O) string
	Shrinking[S, O]
}

// Shrinking is what can be tried to make operations fewer; see shrink.World.
type Shrinking[S, O any] interface {
	// Tries is how many tries take seconds.
	Tries() int
	Scopes(s S) []S
	CompareScopes(a, b S) int
	Compare(a, b O) int
	Alphabet(s S, ops []O) []O
	Rewrites(s S, ops []O) [][]O
}

// Broken names a broken rule.
func Broken(r invariants.Rule) systems.Verdict {
	return systems.Verdict{Kind: explore.Violated, What: r.ID}
}
