package systems

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// Answer is what one operation of a scenario came to.
type Answer struct {
	Line int // counted from 1
	Text string
}

// IsBoot reports whether a script holds boot calls.
func IsBoot(f *script.File) bool {
	return slices.ContainsFunc(f.Lines, func(l script.Line) bool { return l.Op != nil && l.Op.Name == "system" })
}

// EarlyError says that a scenario goes wrong before its last operation.
type EarlyError struct{ Err error }

// Error implements error.
func (e *EarlyError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *EarlyError) Unwrap() error { return e.Err }

// IsHeader reports whether an operation only says something about its file: which
// mutant it is for, how it must end.
func IsHeader(op *script.Op) bool { return op.Name == "mutant" || op.Name == "expect" }

// Tracer sees a scenario run. The states that it is shown are the live ones.
type Tracer interface {
	// Step is called after each step of the machine inside a call.
	Step(s *model.State, step reports.Step)
	// Done is called when an operation of a line, counted from 1, has been carried
	// out. The first is the start of the day.
	Done(line int, op, answer string, s *model.State)
	// Over ends the run before the next operation.
	Over() bool
}
