package systems

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// Scenario is a path of a system: what it starts from and the operations that follow,
// each read once. A scenario does not change.
type Scenario interface {
	// System is the name of the system.
	System() string
	// Len is the number of operations.
	Len() int
	// Play carries the scenario out once, up to the first thing that goes wrong.
	// Everything that is told of it comes from that one run. Where an operation is
	// impossible, or one follows after something has gone wrong, the error is a
	// [*script.Error] or an [*EarlyError]; see [PlayOptions.Lenient].
	Play(o PlayOptions) (*Play, error)
	// Names gives what a run shows its names. It is valid while a watcher is told.
	Names() Names
	// With is the same scenario with another change planted.
	With(c Change) Scenario
	// Only is the scenario with only some of its operations, by their numbers in
	// order.
	Only(keep []int) (Scenario, error)
	// Body is the scenario in the language of scenario files, from the line "system"
	// on, without a headline.
	Body() []byte
	// Shrink returns the smallest scenario found that ends in the same way. 0 tries
	// stand for as many as take seconds.
	Shrink(want Verdict, tries int) (Scenario, Shrunk, error)
}

// Shrunk tells how shrinking went.
type Shrunk struct {
	From, To int // operations before and after
	Tries    int
	Minimal  bool // nothing smaller was found; false if the tries ran out
}

// PlayOptions say what is wanted of a run.
type PlayOptions struct {
	// Report has the finding explained: every state and step on the way is kept.
	Report bool
	// Story has the way told as a finding is, also where nothing goes wrong: the finding of
	// the run has then neither a rule nor a crash. Scenarios of systems that cannot be
	// searched tell none.
	Story bool
	// Place has the function named in which a kernel dies.
	Place bool
	// Lenient leaves out operations that are impossible where they stand, and ends
	// with the first thing that goes wrong even if more follows.
	Lenient bool
	// Watch sees the run; nil: nobody.
	Watch Watcher
	// Found, if not nil, is told of what goes wrong, a rule or a way to die, before the
	// watcher is told of the operation that it goes wrong in.
	Found func(what string)
}

// Play is a scenario that has been run.
type Play struct {
	// Answers are what the operations came to, in order; those of a lenient run that
	// were left out have none.
	Answers []Answer
	// Printed is the run in lines as replay prints them, answers and titles.
	Printed []string
	// Verdict is how it ended.
	Verdict Verdict
	// End is where a guest ended before the scenario did, though nothing is wrong; nil
	// if it did not. Nothing behind it was run.
	End *End
	// Finding is what went wrong, nil if nothing did or it was not asked for; of a story,
	// the way as far as it went.
	Finding *reports.Finding
}

// End is the end of a guest.
type End struct {
	Line int    // of the operation, counted from 1
	Why  string // such as "its own pages are no longer mapped"
}

// AnswerEnded is what an operation answers that a guest ends at. The guest never sees it.
const AnswerEnded = "ended"

// Answer is what one operation of a scenario came to.
type Answer struct {
	Line int // counted from 1; 0: the scenario comes from no file
	Text string
}

// Add takes an operation's answer down.
func (p *Play) Add(line int, op, answer string) {
	p.Answers = append(p.Answers, Answer{Line: line, Text: answer})
	p.Printed = append(p.Printed, fmt.Sprintf("R %d %s = %s", line, op, answer))
}

// EarlyError says that a scenario goes wrong before its last operation.
type EarlyError struct{ Err error }

// Error implements error.
func (e *EarlyError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *EarlyError) Unwrap() error { return e.Err }

// Watcher sees a scenario run. The states that it is shown are the live ones.
type Watcher interface {
	// Step is called after each step of the machine inside an operation.
	Step(s *model.State, step reports.Step)
	// Done is called when an operation of a line, counted from 1, has been carried
	// out. The first is the start of the day.
	Done(line int, op, answer string, s *model.State)
	// Over ends the run before the next operation.
	Over() bool
}

// CodeWatcher is a [Watcher] that wants to know what code made an operation of which no
// steps are known.
type CodeWatcher interface {
	Watcher
	// Code is called before Done, with the stack of the code, innermost first.
	Code(stack []reports.Site)
}

// Names gives frames, entries and addresses their names in a system, and reads what
// a user types.
type Names interface {
	FrameName(s *model.State, f model.Frame) string
	EntryText(s *model.State, e model.Entry) string
	Frame(s *model.State, name string) (model.Frame, error)
	Address(s *model.State, text string) (model.VA, error)
}

// Line is where an operation stands in a file; the zero value is nowhere.
type Line struct {
	File string
	No   int // counted from 1
	Col  int
}

// LineOf is where line i of a script, counted from 0, has its operation.
func LineOf(f *script.File, i int) Line {
	at := Line{File: f.Name, No: i + 1, Col: 1}
	if op := f.Lines[i].Op; op != nil {
		at.Col = op.Col
	}
	return at
}

// Errorf is an error at the line.
func (l Line) Errorf(format string, args ...any) error {
	if l.No == 0 {
		return fmt.Errorf(format, args...)
	}
	return &script.Error{File: l.File, Line: l.No, Col: l.Col, Msg: fmt.Sprintf(format, args...)}
}

// Wrap is an error at the line that is known by its cause, too.
func (l Line) Wrap(err error) error {
	if l.No == 0 {
		return err
	}
	return &placedError{&script.Error{File: l.File, Line: l.No, Col: l.Col, Msg: err.Error()}, err}
}

// Adjustable is a scenario of which the command line may set what its file leaves
// open, by settings of its system.
type Adjustable interface {
	Scenario
	Adjust(v Values) (Scenario, error)
}

// placedError is an error with a place that is known by its cause as well.
type placedError struct {
	at    *script.Error
	cause error
}

// Error implements error.
func (e *placedError) Error() string { return e.at.Error() }

// Unwrap returns the cause.
func (e *placedError) Unwrap() error { return e.cause }

// As has it found as the error of a script that it is; see [errors.As].
func (e *placedError) As(target any) bool {
	at, ok := target.(**script.Error)
	if ok {
		*at = e.at
	}
	return ok
}
