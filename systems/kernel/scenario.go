package kernel

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

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
	s.world = newWorld(b, Options{Preemptions: preemptions, Change: c})
	var err error
	if s.scope, err = s.world.scopeOf(r.bounds, r.name); err != nil {
		return nil, s.start.Wrap(err)
	}
	return s, nil
}

// reader reads the lines of a scenario.
type reader struct {
	s      *scenario
	file   *script.File
	name   string // of the start of the day
	bounds Bounds
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
		r.s.head = append(r.s.head, headline{at, op.String()})
		return r.bound(op.Args[0].Word, op.Args[1].Num, at)
	}
	return at.Errorf("%s means nothing to a kernel", op.Name)
}

// bound reads a bound.
func (r *reader) bound(name string, n uint64, at systems.Line) error {
	all := r.bounds.each()
	i := slices.IndexFunc(all, func(b bound) bool { return b.name == name })
	switch {
	case i < 0:
		var known []string
		for _, b := range all {
			known = append(known, b.name)
		}
		return at.Errorf("no bound is named %q; there are %s", name, strings.Join(known, ", "))
	case *all[i].value != 0:
		return at.Errorf("scope %s is there twice", name)
	case n == 0 || n > uint64(all[i].most):
		return at.Errorf("scope %s %d: want 1 to %d", name, n, all[i].most)
	}
	*all[i].value = int(n)
	return nil
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
	o := s.world.options
	o.Change = c
	out.world = newWorld(s.world.b, o)
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
	in := s.scope.Bounds
	for _, x := range in.each() {
		if *x.value != 0 {
			fmt.Fprintf(&b, "scope %s %d\n", x.name, *x.value)
		}
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
func CallsOf(x systems.Scenario) (in Bounds, start string, calls []Call, ok bool) {
	s, ok := x.(*scenario)
	if !ok {
		return Bounds{}, "", nil, false
	}
	return s.scope.Bounds, s.startName(), s.calls(), true
}
