package attack

import (
	"errors"
	"strings"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
)

// Reader reads scenario files of a kind of guests.
type Reader[S comparable, O any] struct {
	Kind   Kind[S, O]
	Header Header
	// Start is called when the header has been read. Errors are put at its last line,
	// unless they have a place.
	Start func() (S, error)
	// Operation reads a line. more says that the operation goes on in the next one.
	Operation func(op *script.Op) (o O, more bool, err error)
}

// Read makes a scenario of a script, with a change planted in the hypervisor.
func (r *Reader[S, O]) Read(f *script.File, c systems.Change) (*Scenario[S, O], error) {
	if err := Plantable(c); err != nil {
		return nil, systems.LineOf(f, 0).Errorf("%v", err)
	}
	s := &Scenario[S, O]{kind: r.Kind, change: c}
	var begun []systems.Line // lines of an operation that goes on
	started := false
	for i := range f.Lines {
		op, at := f.Lines[i].Op, systems.LineOf(f, i)
		switch {
		case op == nil || systems.Describes(op) && op.Name != "system":
			continue
		case op.Spec == nil:
			return nil, at.Errorf("this is no operation: %s", strings.TrimSpace(f.Lines[i].Raw))
		case op.Spec.Header && started:
			return nil, at.Errorf("%s comes after the first operation", op.Name)
		case op.Spec.Header:
			if err := r.Header.line(op, at); err != nil {
				return nil, err
			}
			continue
		case !started:
			if err := r.start(f, s); err != nil {
				return nil, err
			}
			started = true
		}
		o, more, err := r.Operation(op)
		if err != nil {
			return nil, at.Errorf("%v", err)
		}
		if begun = append(begun, at); !more {
			s.ops = append(s.ops, operation[O]{o, begun})
			begun = nil
		}
	}
	if begun != nil {
		return nil, begun[0].Errorf("the operation that begins here has no end")
	}
	if !started {
		return s, r.start(f, s)
	}
	return s, nil
}

// start settles where the scenario starts.
func (r *Reader[S, O]) start(f *script.File, s *Scenario[S, O]) error {
	err := r.Header.complete()
	if err == nil {
		s.start, err = r.Start()
	}
	if err == nil {
		_, err = r.Kind.Open(s.start, s.change)
	}
	s.head, s.end = r.Header.lines, r.Header.end(f)
	if place := (*script.Error)(nil); err != nil && !errors.As(err, &place) {
		return s.end.Errorf("%v", err)
	}
	return err
}

// Plantable reports what is wrong with planting a change under a hostile guest.
func Plantable(c systems.Change) error {
	if c.Kernel != nil || c.Early != nil {
		return errors.New("the bug is one of a kernel: a hostile guest has none")
	}
	return nil
}
