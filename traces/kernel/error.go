package kernel

import "fmt"

// Error is a refusal of a recording: one line that says where and why.
type Error struct {
	File   string
	Line   int // counted from 1; 0: no line in particular
	Reason string
	Err    error // the cause, or nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
