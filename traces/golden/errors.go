package golden

import "fmt"

// Error is a refusal of input: one clear line saying where and why. Every
// error returned by [ReadConfig] and [Read] is an *Error, or joins several.
type Error struct {
	// File is the name of the file, as given by the caller.
	File string
	// Line is the 1-based line of what is wrong, 0 where it is not known or the
	// file has a single one. Col is the 1-based byte of a JSON syntax error in
	// it, 0 for every other kind of error.
	Line, Col int
	// Path is the key path of the offending value, such as
	// "config.sod.l1_pfns[3]"; empty if the file as a whole is at fault.
	Path string
	// Reason says what is wrong.
	Reason string
	// Err is the underlying error (I/O, gzip), or nil.
	Err error
}

// Error renders the refusal as one line, "golden: what: why".
func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where += fmt.Sprintf(":%d", e.Line)
	}
	if e.Col > 0 {
		where += fmt.Sprintf(":%d", e.Col)
	}
	if e.Path != "" {
		where += ": " + e.Path
	}
	return "golden: " + where + ": " + e.Reason
}

// Unwrap returns the underlying error, if any.
func (e *Error) Unwrap() error { return e.Err }
