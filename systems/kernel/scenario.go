package kernel

import (
	"bytes"
	"fmt"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// scenario is calls from a start of day. It implements [systems.Scenario].
type scenario struct {
	world *world
	scope scope
	head  []headline   // what its file says before the start of the day
	start systems.Line // where the file names the start of the day
	ops   []operation
}

// headline is a line that describes the scenario.
type headline struct {
	at   systems.Line
	text string
}

// operation is a call and where it is written.
type operation struct {
	call Call
	at   systems.Line
}

var _ systems.Scenario = (*scenario)(nil)

// Read implements [systems.System].
func (b *Backend) Read(f *script.File, c systems.Change) (systems.Scenario, error) {
	s := &scenario{}
	r := reader{s: s, file: f}
	for i := range f.Lines {
		if op := f.Lines[i].Op; op != nil {
			if err := r.line(op, systems.LineOf(f, i)); err != nil {
				return nil, err
			}
		}
	}
	if r.name == "" {
		return nil, systems.Line{File: f.Name, No: max(1, len(f.Lines)), Col: 1}.Errorf("no start of day: want a line \"start NAME\"")
	}
	preemptions := 0
	for _, o := range s.ops {
		preemptions = max(preemptions, o.call.preemptions())
	}
	s.world = newWorld(b, preemptions, c)
	var err error
	if s.scope, err = s.world.scopeOf(r.lowmem, r.stale, r.name); err != nil {
		return nil, s.start.Wrap(err)
	}
	return s, nil
}

// reader reads the lines of a scenario.
type reader struct {
	s             *scenario
	file          *script.File
	name          string // of the start of the day
	lowmem, stale int
}

func (r *reader) line(op *script.Op, at systems.Line) error {
	switch {
	case op.Name == "system":
		r.s.head = append(r.s.head, headline{at, op.String()})
		return nil
	case systems.Describes(op):
		return nil
	case op.Spec != nil && op.Spec.Header:
		if r.name != "" {
			return at.Errorf("%s comes after the line \"start NAME\"", op.Name)
		}
		return r.header(op, at)
	case r.name == "":
		return at.Errorf("%s comes before the line \"start NAME\"", op.Name)
	}
	c, err := callFrom(op)
	if err != nil {
		return at.Errorf("%v", err)
	}
	r.s.ops = append(r.s.ops, operation{c, at})
	return nil
}

// header reads a line about the start of the day.
func (r *reader) header(op *script.Op, at systems.Line) error {
	switch op.Name {
	case "start":
		r.name, r.s.start = op.Args[0].Word, at
		return nil
	case "scope":
		bound := map[string]*int{"lowmem": &r.lowmem, "stale": &r.stale}[op.Args[0].Word]
		if bound == nil {
			return at.Errorf("no bound is named %q; there are lowmem and stale", op.Args[0].Word)
		}
		if *bound != 0 {
			return at.Errorf("scope %s is there twice", op.Args[0].Word)
		}
		if op.Args[1].Num == 0 || op.Args[1].Num > 1<<16 {
			return at.Errorf("scope %s %d: want 1 to %d", op.Args[0].Word, op.Args[1].Num, 1<<16)
		}
		*bound = int(op.Args[1].Num)
		r.s.head = append(r.s.head, headline{at, op.String()})
		return nil
	}
	return at.Errorf("%s means nothing to a kernel", op.Name)
}

// System implements [systems.Scenario].
func (s *scenario) System() string { return s.world.b.Name }

// Len implements [systems.Scenario].
func (s *scenario) Len() int { return len(s.ops) }

// Names implements [systems.Scenario].
func (s *scenario) Names() systems.Names { return view.KernelNames{} }

// With implements [systems.Scenario].
func (s *scenario) With(c systems.Change) systems.Scenario {
	out := *s
	out.world = newWorld(s.world.b, s.world.preemptions, c)
	return &out
}

// Only implements [systems.Scenario].
func (s *scenario) Only(keep []int) (systems.Scenario, error) {
	out := *s
	out.ops = make([]operation, len(keep))
	for i, n := range keep {
		out.ops[i] = s.ops[n]
	}
	return &out, nil
}

// Body implements [systems.Scenario].
func (s *scenario) Body() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "system %s\n", s.world.b.Name)
	if s.scope.lowmem != 0 {
		fmt.Fprintf(&b, "scope lowmem %d\n", s.scope.lowmem)
	}
	if s.scope.stale != 0 {
		fmt.Fprintf(&b, "scope stale %d\n", s.scope.stale)
	}
	fmt.Fprintf(&b, "start %s\n", s.startName())
	for _, o := range s.ops {
		fmt.Fprintf(&b, "%v\n", o.call)
	}
	return b.Bytes()
}

func (s *scenario) startName() string {
	f := s.world.family(s.scope) // it was there when the scenario was made
	return f.sys.Inits[s.scope.init].Name
}

// calls are the calls of the scenario.
func (s *scenario) calls() []Call {
	out := make([]Call, len(s.ops))
	for i, o := range s.ops {
		out[i] = o.call
	}
	return out
}

// CallsOf are the calls of a scenario of a kernel, with the bounds of its family and
// the name of the start of day that they begin at. ok is false for other scenarios.
func CallsOf(x systems.Scenario) (lowmem, stale int, start string, calls []Call, ok bool) {
	s, ok := x.(*scenario)
	if !ok {
		return 0, 0, "", nil, false
	}
	return s.scope.lowmem, s.scope.stale, s.startName(), s.calls(), true
}
