// Package reports turns what a check has found into something to read.
package reports

// Finding is a counterexample: what went wrong and the shortest way to it.
type Finding struct {
	System string
	// Start names the start-of-day state, and Frames says what its frames are.
	Start  string
	Frames []string
	// Rule, Says, Source: the broken rule; empty when the kernel crashed.
	Rule, Says, Source string
	// Crash is how the kernel died; empty when a rule was broken.
	Crash string
	// Detail locates what is wrong, in one line.
	Detail string
	// Calls are the calls from the start of the day; the last one went wrong.
	Calls []string
	// Steps are what the machine did in the last call.
	Steps []Step
	// Before and After are the tables before and after the last call.
	Before, After []Table
	// Replay is the command that runs it again.
	Replay string
}

// Step is one step inside a call.
type Step struct {
	What string // such as "store f3[2]"
	// Change is what it did to memory, one part for each entry; may be empty.
	Change []string
	// Site is the kernel code that took the step: function and file:line.
	Site string
}

// Table is a page-table page.
type Table struct {
	Frame string // such as "f3"
	Role  string // such as "L1 of root slot 1"; may be empty
	// Entries are the slots that are not zero, ascending.
	Entries []Entry
}

// Entry is one slot of a table.
type Entry struct {
	Slot int
	Text string // such as "f3:PWAD"
}

// Headline is the finding in one line.
func (f *Finding) Headline() string {
	if f.Crash != "" {
		return "crashed: " + f.Crash
	}
	return "violated: " + f.Rule
}
