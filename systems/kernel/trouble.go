package kernel

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/reports"
)

// What code under test may do that is no finding, because no search can go on after it,
// and none that repeats it comes to the same end.

// Place says where in a search that was.
type Place struct {
	System, Start string
	Call          Call
}

func (p *Place) String() string { return fmt.Sprintf("%s: %v, from %s", p.System, p.Call, p.Start) }

// Fickle says that the code under test gave two different results for the same state.
type Fickle struct {
	Place
	// Was and Now are the two results, in words.
	Was, Now string
}

// Error implements error.
func (e *Fickle) Error() string {
	return fmt.Sprintf("%v: the hook gave two different results for the same state: %s, then %s; "+
		"what a hook remembers belongs in model.Kernel, not in a variable of its own", &e.Place, e.Was, e.Now)
}

// Gone says that the code under test ended the goroutine that it ran on.
type Gone struct {
	Place
	Stack []reports.Site
}

// Error implements error.
func (e *Gone) Error() string {
	return fmt.Sprintf("%v: the hook ended its goroutine (runtime.Goexit, as FailNow and Fatal of a test do)%s; "+
		"a hook returns, or dies by Bug or Die of the machine", &e.Place, in(e.Stack))
}

// Stuck says that a call has not come to an end for a long time, and does not use up its
// budget either: the code under test spins, or waits, without the machine.
type Stuck struct {
	Place
	// For is how long it was waited.
	For time.Duration
	// Stack is the code that was running; of several calls that were under way at the same
	// time it may be another one's.
	Stack []reports.Site
	// Path leads to the call from start-of-day state Init, if a second search has found a
	// way: Path ends with a call that does not return. Nil: there was none.
	Init int
	Path []Call

	sys *System
}

// Error implements error.
func (e *Stuck) Error() string {
	return fmt.Sprintf("%v: the call has not returned for %v and does nothing that the machine would notice: "+
		"a hook spins or waits%s", &e.Place, e.For, in(e.Stack))
}

// Text is the error with the stack and the way that led there.
func (e *Stuck) Text() string {
	var b strings.Builder
	fmt.Fprintln(&b, e.Error())
	for i, s := range e.Stack {
		how := "in"
		if i > 0 {
			how = "from"
		}
		fmt.Fprintf(&b, "  %s %v\n", how, s)
	}
	if e.Path != nil {
		fmt.Fprintf(&b, "calls (%d):\n", len(e.Path))
	}
	for i, c := range e.Path {
		fmt.Fprintf(&b, "  %2d  %v\n", i+1, c)
	}
	return b.String()
}

// Scenario is the way as a scenario file, nil if none is known. To replay it ends like
// the search.
func (e *Stuck) Scenario() []byte {
	if e.Path == nil {
		return nil
	}
	return e.sys.Scenario(e.Init, e.Path, "a hook spins")
}

// in names the code that a stack leads to.
func in(stack []reports.Site) string {
	if at := reports.Telling(stack); at != nil {
		return ", in " + at.String()
	}
	return ""
}

// place is where the model is.
func (m *Model) place() Place {
	return Place{System: m.Sys.Name, Start: m.Sys.Inits[m.watch.start.Load()].Name, Call: CallOf(m.watch.doing.Load())}
}

// fail ends the call on the model's own goroutine: the search ends with an error.
func (m *Model) fail(err error) {
	if m.note != nil {
		m.note(err)
	}
	panic(err)
}

// exited is told when the code under test ends the goroutine.
func (m *Model) exited(stack []uintptr) {
	m.fail(&Gone{Place: m.place(), Stack: Trail().Of(stack)})
}

// exit ends the program because of a goroutine that cannot be ended, where nobody is
// there to be told.
func exit(e *Stuck) {
	fmt.Fprint(os.Stderr, "ptcheck: "+e.Text())
	os.Exit(2)
}
