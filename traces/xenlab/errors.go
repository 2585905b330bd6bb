package xenlab

import (
	"fmt"
	"strings"
)

// A Missing is one thing that this machine lacks.
type Missing struct {
	What    string // such as "qemu-system-x86_64"
	Why     string // what was tried
	Install string // the command that helps
}

// A MissingError says that the real Xen cannot run here, and what to install.
type MissingError struct {
	Items []Missing
}

// Error names everything that is missing, each with its remedy.
func (e *MissingError) Error() string {
	var b strings.Builder
	b.WriteString("oracle: cannot run the real Xen here:")
	for i, m := range e.Items {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " no %s (%s): %s", m.What, m.Why, m.Install)
	}
	return b.String()
}

// FailureKind says how a run ended before its script did.
type FailureKind int

// The ways in which a run fails.
const (
	// NoStart: the machine stopped before the guest's first line.
	NoStart FailureKind = iota
	// GuestDied: the script took the guest's own tables away, or the guest
	// gave up; its last line says FATAL, or Xen reports the crash.
	GuestDied
	// XenCrashed: the hypervisor itself stopped.
	XenCrashed
	// TimedOut: the time limit of the run passed.
	TimedOut
	// No32: the guest is a 32-bit one, and this Xen runs none.
	No32
	// Garbled: not all that the guest wrote has arrived.
	Garbled
)

// String returns the kind in words.
func (k FailureKind) String() string {
	switch k {
	case NoStart:
		return "the guest did not start"
	case GuestDied:
		return "the guest died"
	case XenCrashed:
		return "Xen crashed"
	case TimedOut:
		return "time limit"
	case No32:
		return "Xen runs no 32-bit guests"
	case Garbled:
		return "output was lost"
	}
	return "unknown failure"
}

// A Failure is a run that did not reach the end of its script. The Recording
// returned beside it holds what was answered before.
type Failure struct {
	Kind   FailureKind
	Detail string // the line that told, "" for a time limit
	After  string // the last answer
}

// Error says what happened, and after which answer.
func (f *Failure) Error() string {
	text := "oracle: run: " + f.Kind.String()
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.After != "" {
		text += fmt.Sprintf(" (the last answer was %q)", f.After)
	}
	return text
}
