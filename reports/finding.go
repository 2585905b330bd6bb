package reports

import (
	"fmt"
	"path"
)

// Finding is a counterexample: what went wrong and the shortest way to it.
type Finding struct {
	System string `json:"system"`
	// Start names the start-of-day state, and Frames says what its frames are. Empty:
	// it is about memory at rest, Initial, which no calls have led to.
	Start  string   `json:"start"`
	Frames []string `json:"frames"`
	// Rule is the ID of the broken rule, Says its sentence, Source where it comes
	// from, Limits what it cannot tell; empty when the kernel crashed.
	Rule   string `json:"rule,omitempty"`
	Says   string `json:"says,omitempty"`
	Source string `json:"source,omitempty"`
	Limits string `json:"limits,omitempty"`
	// Crash is how the kernel died, and Kind the class of its death; empty when a
	// rule was broken.
	Crash string `json:"crash,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// Detail locates what is wrong, in one line.
	Detail string `json:"detail,omitempty"`
	// Stack is the code that was running when it went wrong, innermost first;
	// empty where no code under test runs.
	Stack []Site `json:"stack"`
	// Stored is the code that stored the entry that is wrong, where that was noticed only
	// when the call was over; nil if no code of the call did, or it is what the stack says.
	Stored *Site `json:"stored,omitempty"`
	// Code is the source around the places that are named, as far as it is at hand. Reports
	// fill it in.
	Code []Excerpt `json:"code,omitempty"`
	// Walks lead from a root to what is wrong.
	Walks []Walk `json:"walks"`
	// Causes are what led to it, by what is known of the run: who made the entries that
	// matter, who held back what was carried out later, which reads were out of date, who
	// took and gave back references.
	Causes []Cause `json:"causes,omitempty"`
	// Initial is the state at the start of the day.
	Initial State `json:"initial"`
	// Calls are the calls from the start of the day; the last one went wrong.
	Calls []Call `json:"calls"`
	// Replay is the command that runs it again, and Scenario the text of the file
	// that the command reads; empty where it reads none.
	Replay   string `json:"replay,omitempty"`
	Scenario string `json:"scenario,omitempty"`
}

// Cause is something on the way that led to what went wrong.
type Cause struct {
	What string `json:"what"` // such as "f9[1] = f20:PWUAD maps f20 at 0x1000 under the root of process 1"
	// Call is the number of the call, from 1, in which it came about; 0 for the start of the
	// day. Step is that of the step in it, 0 where there is none of its own.
	Call int `json:"call"`
	Step int `json:"step,omitempty"`
	// Site is the code that did it, nil where nobody's is known; For is the code of another
	// package that wanted it, nil where there is none.
	Site *Site `json:"site,omitempty"`
	For  *Site `json:"for,omitempty"`
}

// By fills in the code that did it, from a stack, innermost first.
func (c Cause) By(stack []Site) Cause {
	c.Site = Telling(stack)
	for i := range stack {
		if c.Site != nil && path.Dir(stack[i].File) != path.Dir(c.Site.File) {
			c.For = &stack[i]
			break
		}
	}
	return c
}

// When says at which point of the way it came about.
func (c Cause) When() string {
	switch {
	case c.Call == 0:
		return "at the start of the day"
	case c.Step == 0:
		return fmt.Sprintf("in call %d", c.Call)
	}
	return fmt.Sprintf("in step %d of call %d", c.Step, c.Call)
}

// Line is the cause with its point and its place.
func (c Cause) Line() string {
	text := c.What + ", " + c.When()
	if c.Site != nil {
		text += ", by " + c.Site.String()
	}
	if c.For != nil {
		text += ", for " + c.For.String()
	}
	return text
}

// Call is one protocol call, or one operation of a hostile guest.
type Call struct {
	Text string `json:"text"` // as scenario files have it
	// Site is the code that carries it out.
	Site  *Site  `json:"site,omitempty"`
	Steps []Step `json:"steps"`
	// After is the state when the call has returned, or where it went wrong.
	After State `json:"after"`
}

// Step is one step inside a call.
type Step struct {
	What string `json:"what"` // such as "store f3+0x8, 8 bytes"
	// Value is what a store wrote, as an entry where it is a whole one; empty where What
	// says it.
	Value string `json:"value,omitempty"`
	// Answer is what a hypervisor said; empty where none was asked.
	Answer string `json:"answer,omitempty"`
	// Changes are the entries that changed.
	Changes []Change `json:"changes"`
	// Stack is the kernel code that took the step, innermost first.
	Stack []Site `json:"stack"`
	// After is the state after the step, given inside the last call where
	// something changed.
	After *State `json:"after,omitempty"`
}

// Change is what happened to one entry.
type Change struct {
	Frame string `json:"frame"`
	Slot  int    `json:"slot"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

func (c Change) String() string {
	return fmt.Sprintf("%s[%d]: %s -> %s", c.Frame, c.Slot, c.Old, c.New)
}

// Line is the step with its answer.
func (s *Step) Line() string {
	if s.Answer == "" {
		return s.What
	}
	return s.What + " = " + s.Answer
}

// Where is the code that took the step, "" if nobody's.
func (s *Step) Where() string {
	if at := Telling(s.Stack); at != nil {
		return at.String()
	}
	return ""
}

// Site is a place in the source. File is relative to the root of ptcheck's module, and
// starts with the import path of its package in others; of a recorded kernel it is what the
// debug data says. Without debug data there is a function with an offset alone.
type Site struct {
	Function string `json:"function"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"` // counted from 1
	// Outside says that it lies in another module than ptcheck's: the user's own code.
	Outside bool `json:"outside,omitempty"`
	// Path is where the file lies on this machine, as far as it is known; reports do not
	// have it.
	Path string `json:"-"`
}

// Place is file:line, or the function where the line is not known.
func (s Site) Place() string {
	if s.File == "" {
		return s.Function
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

func (s Site) String() string {
	if s.File == "" {
		return s.Function
	}
	return s.Function + " " + s.Place()
}

// Walk leads from a root table to an entry.
type Walk struct {
	Title string `json:"title"` // such as "address 0x10000 under CR3"
	Hops  []Hop  `json:"hops"`
	// Frame is the table that it is about, where no entry is.
	Frame string `json:"frame,omitempty"`
	// End says where it leads.
	End string `json:"end,omitempty"`
}

// Hop is one entry on a walk.
type Hop struct {
	Geometry string `json:"geometry"`
	Level    int    `json:"level"`
	Frame    string `json:"frame"` // the table
	Slot     int    `json:"slot"`
	Entry    string `json:"entry"`
	// Wrong marks the entry that is wrong.
	Wrong bool `json:"wrong"`
}

// Headline is the finding in one line.
func (f *Finding) Headline() string {
	switch {
	case f.Crash != "":
		return "crashed: " + f.Crash
	case f.Rule != "":
		return "violated: " + f.Rule
	}
	return "nothing wrong"
}

// Wrong reports whether something went wrong; if not, it is the story of a way.
func (f *Finding) Wrong() bool { return f.Crash != "" || f.Rule != "" }

// Verdict is the class of the finding.
func (f *Finding) Verdict() string {
	if f.Crash != "" {
		return Crashed
	}
	return Violated
}

// AtRest reports whether it is about memory at rest.
func (f *Finding) AtRest() bool { return f.Start == "" }

// ID names what is broken: the rule, or "crash" and its kind.
func (f *Finding) ID() string {
	if f.Rule == "" {
		return "crash-" + f.Kind
	}
	return f.Rule
}

// Last is the call that went wrong, nil if the start of the day itself is wrong.
func (f *Finding) Last() *Call {
	if len(f.Calls) == 0 {
		return nil
	}
	return &f.Calls[len(f.Calls)-1]
}

// Before is the state before call n, counted from 0.
func (f *Finding) Before(n int) *State {
	if n == 0 {
		return &f.Initial
	}
	return &f.Calls[n-1].After
}

// Site is the place to look at first: the code that stored what is wrong, or that was
// running when it went wrong, else what carried out the last call. Nil if there is none.
func (f *Finding) Site() *Site {
	if f.Stored != nil {
		return f.Stored
	}
	if s := Telling(f.Stack); s != nil {
		return s
	}
	if c := f.Last(); c != nil {
		return c.Site
	}
	return nil
}

// Telling picks the site of a stack that says most: the innermost one of the user's own
// code, else the innermost of all. Nil for none.
func Telling(stack []Site) *Site {
	for i := range stack {
		if stack[i].Outside {
			return &stack[i]
		}
	}
	if len(stack) > 0 {
		return &stack[0]
	}
	return nil
}

// severalGeometries reports whether tables are read in more than one geometry
// somewhere on the way.
func (f *Finding) severalGeometries() bool {
	for i := range f.Calls {
		if len(f.Calls[i].After.Geometries()) > 1 {
			return true
		}
	}
	return false
}
