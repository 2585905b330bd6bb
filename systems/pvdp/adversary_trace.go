package pvdp

import (
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// TraceAdversary runs the operations of an adversary before the eyes of a tracer,
// up to the first that breaks a rule. An operation is one step of its machine.
func TraceAdversary(f *script.File, judge model.Mutant, t systems.Tracer) error {
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
			t.Step(p.m.s, reports.Step{What: "the operation as a whole", Changes: view.Differences(before, p.m.s)})
			t.Done(i+1, op.String(), answer, p.m.s)
		}
	}
	if p.m == nil {
		return &script.Error{File: f.Name, Line: len(f.Lines), Col: 1, Msg: "no operation of an adversary"}
	}
	return nil
}
