package all

import (
	"strings"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// Trace runs a scenario of boot calls before the eyes of a tracer, up to the first
// call that goes wrong. An error names file, line and column.
func Trace(f *script.File, o kernel.Options, t systems.Tracer) error {
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
			p.model.Watch(&stepTracer{log: view.StepLog{State: p.model.State(), Trail: kernel.Trail()}, to: t})
		}
	}
	if p.model == nil {
		return &script.Error{File: f.Name, Line: len(f.Lines), Col: 1, Msg: `no start of day: want a line "start NAME"`}
	}
	return nil
}

// stepTracer describes steps to a tracer.
type stepTracer struct {
	log view.StepLog
	to  systems.Tracer
}

// Step implements model.Observer.
func (t *stepTracer) Step(m *model.Machine, s *model.Step) {
	t.log.Steps = t.log.Steps[:0]
	t.log.Step(m, s)
	for _, step := range t.log.Steps {
		t.to.Step(t.log.State, step)
	}
}

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
