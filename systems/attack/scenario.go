package attack

import (
	"bytes"
	"fmt"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Scenario is operations of a hostile guest. It implements [systems.Scenario].
type Scenario[S comparable, O any] struct {
	kind   Kind[S, O]
	change systems.Change
	start  S
	ops    []operation[O]
	head   []headline   // what the file says before the operations
	end    systems.Line // the last of these lines
}

// operation is an operation and the lines that it is written in, none if it comes from
// no file.
type operation[O any] struct {
	op O
	at []systems.Line
}

// New returns a scenario of operations, with a change planted in the hypervisor. The
// error says what is wrong with where it starts.
func New[S comparable, O any](k Kind[S, O], s S, ops []O, c systems.Change) (*Scenario[S, O], error) {
	if err := Plantable(c); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name(), err)
	}
	if _, err := k.Open(s, c); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name(), err)
	}
	out := &Scenario[S, O]{kind: k, change: c, start: s}
	for _, o := range ops {
		out.ops = append(out.ops, operation[O]{op: o})
	}
	return out, nil
}

// System implements [systems.Scenario].
func (s *Scenario[S, O]) System() string { return s.kind.Name() }

// Len implements [systems.Scenario]. A race is one operation.
func (s *Scenario[S, O]) Len() int { return len(s.ops) }

// Names implements [systems.Scenario].
func (s *Scenario[S, O]) Names() systems.Names { return view.KernelNames{} }

// Start is where the guest starts from.
func (s *Scenario[S, O]) Start() S { return s.start }

// Ops are the operations.
func (s *Scenario[S, O]) Ops() []O {
	out := make([]O, len(s.ops))
	for i := range s.ops {
		out[i] = s.ops[i].op
	}
	return out
}

// With implements [systems.Scenario].
func (s *Scenario[S, O]) With(c systems.Change) systems.Scenario {
	out := *s
	out.change = c
	return &out
}

// Only implements [systems.Scenario].
func (s *Scenario[S, O]) Only(keep []int) (systems.Scenario, error) {
	out := *s
	out.ops = make([]operation[O], len(keep))
	for i, n := range keep {
		if n < 0 || n >= len(s.ops) || i > 0 && n <= keep[i-1] {
			return nil, fmt.Errorf("%s: no operations %v in this order: there are %d", s.kind.Name(), keep, len(s.ops))
		}
		out.ops[i] = s.ops[n]
	}
	return &out, nil
}

// Body implements [systems.Scenario].
func (s *Scenario[S, O]) Body() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "system %s\n", s.kind.Name())
	for _, line := range s.kind.Head(s.start) {
		fmt.Fprintln(&b, line)
	}
	for _, o := range s.ops {
		for _, line := range s.kind.Lines(s.start, o.op) {
			fmt.Fprintln(&b, line)
		}
	}
	return b.Bytes()
}
