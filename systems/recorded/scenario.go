package recorded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// scenario is a recording that can be stepped through. It implements [systems.Scenario]:
// each event that changes something is an operation, and the tables that it brings into use
// are its steps. What the machine did cannot be made otherwise: no event can be left out,
// and nothing can be planted.
type scenario struct {
	file   string
	open   Opener
	header kernel.Header
	syms   *symbols
	events int
	// frames are those that are tables at some time, or become some: at the start of a run
	// all of them are there.
	frames []uint64
}

// Open reads a recording through once and returns it as a scenario.
func Open(file string, open Opener) (*systems.File, error) {
	s := &scenario{file: file, open: open}
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r, err := kernel.NewReader(file, in)
	if err != nil {
		return nil, err
	}
	m := newMachine(r, 0, func(*invariants.TraceFinding) {})
	m.trace.Mute()
	var e kernel.Event
	for {
		err := r.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = m.event(&e)
		}
		if err != nil {
			return nil, err
		}
		if tells(&e) {
			s.events++
		}
	}
	for f := range model.Frame(m.s.L.Map.Frames()) {
		s.frames = append(s.frames, uint64(m.s.L.Map.MFN(f)))
	}
	s.header, s.syms = r.Header, newSymbols(r)
	return &systems.File{Name: file, Scenario: s}, nil
}

// tells reports whether an event is worth a moment of its own: it changes something.
func tells(e *kernel.Event) bool {
	return !continues(e) && !e.Same && (e.Kind != kernel.Store || e.Old != e.New)
}

// System implements [systems.Scenario].
func (s *scenario) System() string { return name }

// Len implements [systems.Scenario].
func (s *scenario) Len() int { return s.events }

// Names implements [systems.Scenario].
func (s *scenario) Names() systems.Names { return showNames{} }

// With implements [systems.Scenario]: nothing can be planted in what has happened.
func (s *scenario) With(systems.Change) systems.Scenario { return s }

var errHappened = errors.New("a recording is what a machine did: none of its events can be left out")

// Only implements [systems.Scenario].
func (s *scenario) Only([]int) (systems.Scenario, error) { return nil, errHappened }

// Shrink implements [systems.Scenario].
func (s *scenario) Shrink(systems.Verdict, int) (systems.Scenario, systems.Shrunk, error) {
	return nil, systems.Shrunk{}, errHappened
}

// Body implements [systems.Scenario]: a recording is no scenario file.
func (s *scenario) Body() []byte { return fmt.Appendf(nil, "# the recording %s\n", s.file) }

// Play implements [systems.Scenario]. The run ends with the recording: rules that are broken
// do not end it.
func (s *scenario) Play(o systems.PlayOptions) (*systems.Play, error) {
	in, err := s.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r, err := kernel.NewReader(s.file, in)
	if err != nil {
		return nil, err
	}
	p := &player{s: s, o: o, stacks: map[string][]reports.Site{}}
	p.m = newMachine(r, 0, p.found)
	for _, n := range s.frames {
		p.m.s.L.Map.Add(model.MFN(n))
	}
	p.m.s.Grow()
	if o.Watch != nil && o.Found == nil {
		p.m.trace.Mute() // a session shows memory; judge judges
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	return &systems.Play{Verdict: p.verdict}, nil
}

// player plays a recording for a watcher.
type player struct {
	s       *scenario
	o       systems.PlayOptions
	m       *machine
	verdict systems.Verdict
	last    kernel.Event
	waits   bool // the last event has not been told
	table   string
	stacks  map[string][]reports.Site // by instruction and callers
}

func (p *player) found(f *invariants.TraceFinding) {
	if !p.verdict.Fails() {
		p.verdict = systems.Verdict{Kind: explore.Violated, What: f.Rule.ID}
	}
	if p.o.Found != nil {
		p.o.Found(f.Rule.ID)
	}
}

func (p *player) run() error {
	p.done(1, "start", p.s.header.Release())
	var e kernel.Event
	for {
		err := p.m.r.Next(&e)
		if errors.Is(err, io.EOF) {
			p.settle()
			return nil
		}
		if err != nil {
			return err
		}
		if e.Kind != kernel.Run {
			p.adopted()
		}
		if !continues(&e) {
			p.settle()
			p.last, p.waits = e, true
		}
		if p.o.Watch != nil && p.o.Watch.Over() {
			return nil
		}
		if err := p.m.event(&e); err != nil {
			return err
		}
		if e.Kind == kernel.Table {
			p.table = fmt.Sprintf("f%x is a table of level %d", e.Frame, e.Level)
		}
	}
}

// adopted tells of a table whose contents are all there.
func (p *player) adopted() {
	if p.table != "" && p.o.Watch != nil {
		p.o.Watch.Step(p.m.s, reports.Step{What: p.table, Changes: []reports.Change{}, Stack: []reports.Site{}})
	}
	p.table = ""
}

// settle tells of the event that is over.
func (p *player) settle() {
	p.adopted()
	p.m.release()
	if p.waits && tells(&p.last) {
		e := &p.last
		if w, ok := p.o.Watch.(systems.CodeWatcher); ok && e.RIP != 0 {
			w.Code(p.stack(e))
		}
		p.done(e.Line, describe(p.m.s.L, e), p.s.code(e))
	}
	p.waits = false
}

func (p *player) done(line int, op, answer string) {
	if p.o.Watch != nil {
		p.o.Watch.Done(line, op, answer, p.m.s)
	}
}

// stack is the code of an event. Loops make most events, so equal ones are kept once.
func (p *player) stack(e *kernel.Event) []reports.Site {
	key := binary.AppendUvarint(nil, e.RIP)
	for _, c := range e.Callers() {
		key = binary.AppendUvarint(key, c)
	}
	stack, known := p.stacks[string(key)]
	if !known {
		stack = p.s.syms.stack(e.RIP, e.Callers())
		if at := telling(stack); at != nil {
			// Who calls a primitive says more, here as in reports.
			for &stack[0] != at {
				stack = stack[1:]
			}
		}
		p.stacks[string(key)] = stack
	}
	return stack
}

// code names the code that made an event.
func (s *scenario) code(e *kernel.Event) string {
	if e.RIP == 0 {
		return "the recorder"
	}
	if at := telling(s.syms.stack(e.RIP, e.Callers())); at != nil {
		return at.String()
	}
	return ""
}
