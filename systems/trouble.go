package systems

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Trouble is an error that says what code under test did that no verdict can come of: no
// search or replay can go on after it, and none that repeats it need come to the same end.
type Trouble interface {
	error
	Halted() *Halt
}

// Halt says where a search or a replay met with trouble.
type Halt struct {
	// System and Start name the system and the start of day, Call is the call as scenario
	// files have it. Start and Call may be empty: not known.
	System, Start, Call string
	// Stack is the code under test that was running, innermost first; nil: not known. Of
	// several calls that are under way at the same time it may be another one's.
	Stack []reports.Site
	// Way leads to the call, which is its last, or if the call is not known to the state
	// that it was made in; nil: none is known. Calls are its calls as text.
	Way   *explore.Finding
	Calls []string
}

// Halted implements [Trouble].
func (h *Halt) Halted() *Halt { return h }

func (h *Halt) String() string {
	text := "system " + h.System
	if h.Call != "" {
		text += ": " + h.Call
	}
	if h.Start != "" {
		text += ", from " + h.Start
	}
	return text
}

// in names the code that the stack leads to.
func (h *Halt) in() string {
	if at := reports.Telling(h.Stack); at != nil {
		return ", in " + at.String()
	}
	return ""
}

// Fickle says that code under test gave two different results for the same state.
type Fickle struct {
	Halt
	// Was and Now are the two results, in words; empty: not known.
	Was, Now string
	// Among are the calls of which one is the call, where it is not known.
	Among []string
}

// Error implements error.
func (e *Fickle) Error() string {
	text := fmt.Sprintf("%v: the hook gave two different results for the same state", &e.Halt)
	if e.Was != "" {
		text += fmt.Sprintf(": %s, then %s", e.Was, e.Now)
	}
	if len(e.Among) > 0 {
		text += ", in one of the calls " + strings.Join(e.Among, ", ")
	}
	return text + "; what a hook remembers belongs in model.Kernel, not in a variable of its own"
}

// Lopsided says that code under test does not treat frames alike that a search with symmetry
// takes to be.
type Lopsided struct {
	Halt
	// Frames are those whose parts were exchanged, ascending; nil: not known.
	Frames []model.PFN
	// Was and Now are what came of the call before and after the exchange, in words.
	Was, Now string
	// Past is the frame behind one that the boot allocator has handed out although it does not in
	// a long run; 0: that is not what is wrong.
	Past model.PFN
}

// Error implements error.
func (e *Lopsided) Error() string {
	const advice = "; --symmetry=off searches without"
	if e.Past != 0 {
		return fmt.Sprintf("%v: frames are not symmetric: the boot allocator has handed out f%d, which it does not in a long run%s",
			&e.Halt, e.Past-1, advice)
	}
	if e.Frames == nil {
		return fmt.Sprintf("%v: frames are not symmetric: what was found with frames exchanged does not come about without%s", &e.Halt, advice)
	}
	var names []string
	for _, f := range e.Frames {
		names = append(names, fmt.Sprintf("f%d", f))
	}
	return fmt.Sprintf("%v: frames %s are not symmetric: %s, and with their parts exchanged %s%s",
		&e.Halt, strings.Join(names, ", "), e.Was, e.Now, advice)
}

// Gone says that code under test ended the goroutine that it ran on.
type Gone struct{ Halt }

// Error implements error.
func (e *Gone) Error() string {
	return fmt.Sprintf("%v: the hook ended its goroutine (runtime.Goexit, as FailNow and Fatal of a test do)%s; "+
		"a hook returns, or dies by Bug or Die of the machine", &e.Halt, e.in())
}

// Stuck says that a call has not come to an end for a long time, and does not use up its
// budget either: code under test spins, or waits, without the machine.
type Stuck struct {
	Halt
	// For is how long it was waited.
	For time.Duration
}

// Error implements error.
func (e *Stuck) Error() string {
	return fmt.Sprintf("%v: the call has not returned for %v and does nothing that the machine would notice: "+
		"a hook spins or waits%s", &e.Halt, e.For, e.in())
}

// Story is trouble with the stack and the way that led there, a line each.
func Story(t Trouble) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.Error())
	h := t.Halted()
	for i, s := range h.Stack {
		how := "in"
		if i > 0 {
			how = "from"
		}
		fmt.Fprintf(&b, "  %s %v\n", how, s)
	}
	if h.Calls != nil {
		fmt.Fprintf(&b, "calls (%d):\n", len(h.Calls))
	}
	for i, c := range h.Calls {
		fmt.Fprintf(&b, "  %2d  %s\n", i+1, c)
	}
	return strings.TrimRight(b.String(), "\n")
}

// WayTo is the way to trouble as a scenario file, nil if none is known.
func (s *Search) WayTo(t Trouble) (*File, error) {
	way := t.Halted().Way
	if way == nil {
		return nil, nil
	}
	x, err := s.Scenario(*way)
	if err != nil {
		return nil, fmt.Errorf("systems: %s: the way to %q: %w", s.Title(), t.Halted().Call, err)
	}
	return &File{Name: x.System(), About: []string{"no verdict: " + t.Error()}, Scenario: x}, nil
}

// WayName is a name for the file of the way to trouble.
func (s *Search) WayName(t Trouble) string {
	what := "trouble"
	switch t.(type) {
	case *Fickle:
		what = "fickle"
	case *Gone:
		what = "gone"
	case *Stuck:
		what = "stuck"
	}
	return fmt.Sprintf("ptcheck-%s-%s.pt", strings.ReplaceAll(s.Title(), " ", "-"), what)
}

// Told is the verdict as what a hook did, in words.
func (v Verdict) Told() string {
	switch v.Kind {
	case explore.Violated:
		return "it broke " + v.What
	case explore.Crashed:
		return "it died: " + v.What
	}
	return "it went on"
}

// fickle says that a finding of the search came out otherwise when it was run again.
func (s *Search) fickle(found explore.Finding, now string) *Fickle {
	h := Halt{System: s.Title(), Way: &found, Calls: s.texts(found.Path)}
	if n := len(h.Calls); n > 0 {
		h.Call = h.Calls[n-1]
	}
	return &Fickle{Halt: h, Was: s.Breaks(found).Told(), Now: now}
}

// differs says what the engine has noticed. Where symmetric states count as one and each call does
// the same when it is made twice, it is not memory that is wrong, but the symmetry.
func (s *Search) differs(e *explore.NondeterminismError) Trouble {
	h := Halt{System: s.Title()}
	if e.Init < 0 {
		return &Fickle{Halt: h} // not even the start of the day is the same
	}
	way, calls := explore.Finding{Init: e.Init, Path: e.Path}, s.texts(e.Calls)
	one := len(calls) == 1
	if one {
		h.Call, way.Path = calls[0], append(slices.Clone(e.Path), e.Calls[0])
	}
	h.Way, h.Calls = &way, s.texts(way.Path)
	switch {
	case e.Symmetry && !one:
		return &Lopsided{Halt: Halt{System: s.Title()}} // the way up to there is as good as any
	case one:
		calls = nil
	}
	return &Fickle{Halt: h, Among: calls}
}

// texts are calls as text.
func (s *Search) texts(codes []uint64) []string {
	out := make([]string, len(codes))
	for i, code := range codes {
		out[i] = s.CallText(code)
	}
	return out
}
