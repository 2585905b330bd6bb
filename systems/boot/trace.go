package system

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// Tracer sees a scenario run. The states that it is shown are the live ones.
type Tracer interface {
	// Step is called after each step of the machine inside a call.
	Step(s *model.State, step reports.Step)
	// Done is called when an operation of a line, counted from 1, has been carried
	// out. The first is the start of the day.
	Done(line int, op, answer string, s *model.State)
	// Over ends the run before the next operation.
	Over() bool
}

// Trace runs a scenario of boot calls before the eyes of a tracer, up to the first
// call that goes wrong. An error names file, line and column.
func Trace(f *script.File, o Options, t Tracer) error {
	p := &player{play: &Play{}, options: o, file: f}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil {
			continue
		}
		if p.play.Failed || t.Over() {
			return nil
		}
		answer, err := p.do(i, op)
		if err != nil {
			return err
		}
		if p.model == nil {
			continue // what precedes the start of the day
		}
		t.Done(i+1, op.String(), answer, p.model.State())
		if op.Name == "start" {
			p.model.watch(&stepTracer{log: stepLog{state: p.model.State()}, to: t})
		}
	}
	if p.model == nil {
		return &script.Error{File: f.Name, Line: len(f.Lines), Col: 1, Msg: `no start of day: want a line "start NAME"`}
	}
	return nil
}

// stepTracer describes steps to a tracer.
type stepTracer struct {
	log stepLog
	to  Tracer
}

// Step implements model.Observer.
func (t *stepTracer) Step(m *model.Machine, s *model.Step) {
	t.log.steps = t.log.steps[:0]
	t.log.Step(m, s)
	for _, step := range t.log.steps {
		t.to.Step(t.log.state, step)
	}
}

// TraceAdversary runs the operations of an adversary before the eyes of a tracer,
// up to the first that breaks a rule. An operation is one step of its machine.
func TraceAdversary(f *script.File, judge model.Mutant, t Tracer) error {
	p := &adversaryPlayer{file: f, judge: judge}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil {
			continue
		}
		if p.play.Finding != nil || t.Over() {
			return nil
		}
		if p.m == nil && slices.Contains(opNames[:], op.Name) {
			if err := p.open(); err != nil {
				return p.errorf(i, "%v", err)
			}
			t.Done(i, "start of the day", "ok", p.m.s)
			if t.Over() {
				return nil
			}
		}
		var before *model.State
		if p.m != nil {
			before = model.NewState(p.m.s.L)
			before.CopyFrom(p.m.s)
		}
		answer, err := p.do(i, op)
		if err != nil {
			return err
		}
		if before != nil {
			t.Step(p.m.s, reports.Step{What: "the operation as a whole", Changes: differences(before, p.m.s)})
			t.Done(i+1, op.String(), answer, p.m.s)
		}
	}
	if p.m == nil {
		return &script.Error{File: f.Name, Line: len(f.Lines), Col: 1, Msg: "no operation of an adversary"}
	}
	return nil
}

// differences lists the entries in which two states differ.
func differences(old, now *model.State) []reports.Change {
	var out []reports.Change
	g := now.L.Geo
	for f := range model.Frame(now.L.Map.Frames()) {
		for i := range g.Words() * 8 / g.Width {
			if a, b := old.Entry(g, f, i), now.Entry(g, f, i); a != b {
				out = append(out, reports.Change{Frame: frameName(now.L, f), Slot: i, Old: EntryText(now.L, a), New: EntryText(now.L, b)})
			}
		}
	}
	return out
}

// FrameName is the name of a frame in scenario files and reports, such as "f3".
func FrameName(l *model.Layout, f model.Frame) string { return frameName(l, f) }

// EntryText writes an entry with the name of its frame, such as "f3:PWAD".
func EntryText(l *model.Layout, e model.Entry) string { return entryText(l, e) }

// WorldOf is the system that a script names: a boot system, an adversary, or ""
// for a script of hypercalls.
func WorldOf(f *script.File) string {
	for _, l := range f.Lines {
		if l.Op != nil && l.Op.Name == "system" && len(l.Op.Args) == 1 {
			return strings.TrimSpace(l.Op.Args[0].Word)
		}
	}
	return ""
}
