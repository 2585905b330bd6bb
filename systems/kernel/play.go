package kernel

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Play implements [systems.Scenario]. It ends with an error of type [systems.Trouble]
// where the code under test does not go on.
func (s *scenario) Play(o systems.PlayOptions) (p *systems.Play, err error) {
	if halted := s.world.conduct(func() { p, err = s.play(o) }); halted != nil {
		if s.start.File != "" {
			halted = fmt.Errorf("%s: %w", s.start.File, halted)
		}
		return nil, halted
	}
	return p, err
}

func (s *scenario) play(o systems.PlayOptions) (*systems.Play, error) {
	f, err := s.world.open(s.scope)
	if err != nil {
		return nil, s.start.Wrap(err)
	}
	o.Report = o.Report || o.Story
	r := &run{s: s, o: o, m: f.m, play: &systems.Play{}}
	for _, h := range s.head {
		r.play.Add(h.at.No, h.text, "ok")
	}
	r.prepare(f.sys)
	defer r.refs.End()
	r.m.machine.RecordSites = o.Place || o.Report
	defer func() { r.m.machine.RecordSites = false }()
	r.ended("start "+s.startName(), s.start, r.m.CheckInit())
	for i := range s.ops {
		if o.Watch != nil && o.Watch.Over() {
			return r.play, nil
		}
		if r.over() && o.Lenient {
			break
		}
		if err := r.call(i); err != nil {
			return nil, err
		}
	}
	r.explain()
	return r.play, nil
}

// run is one run of a scenario.
type run struct {
	s    *scenario
	o    systems.PlayOptions
	m    *Model
	play *systems.Play
	out  explore.Outcome  // of the last call
	log  *view.StepLog    // of the report, nil if none is wanted
	refs *view.RefLog     // the same
	find *reports.Finding // the report so far
}

// prepare goes to the start of the day and calls the observers.
func (r *run) prepare(sys *System) {
	if !r.o.Report && r.o.Watch == nil {
		r.m.Init(r.s.scope.init)
		return
	}
	r.m = r.s.world.newModel(sys) // observers stay with a model
	r.m.Init(r.s.scope.init)
	var seen []model.Observer
	var asides []func(model.Aside)
	if r.o.Report {
		r.log = &view.StepLog{State: r.m.State(), Trail: r.m.trailHere()}
		r.refs = view.WatchRefs(r.m.State())
		seen, asides = append(seen, r.log), append(asides, r.log.Aside)
		r.find = r.m.newFinding()
	}
	if r.o.Watch != nil {
		w := &view.WatchedSteps{Log: view.StepLog{State: r.m.State(), Trail: r.m.trailHere()}, To: r.o.Watch}
		seen, asides = append(seen, w), append(asides, w.Aside)
	}
	r.m.Watch(seen...)
	r.m.machine.OnAside = func(a model.Aside) {
		for _, tell := range asides {
			tell(a)
		}
	}
}

// over reports whether the kernel can make no more calls.
func (r *run) over() bool { return r.play.Verdict.Fails() || r.out.Kind == explore.Skipped }

// call makes the call of an operation.
func (r *run) call(i int) error {
	c, at := r.s.ops[i].call, r.s.ops[i].at
	switch {
	case r.play.Verdict.Fails():
		return &systems.EarlyError{Err: at.Errorf("a call has gone wrong before this one")}
	case r.over():
		return at.Errorf("the kernel has stopped before this call, because of a refusal or for want of memory")
	case !r.m.Allows(c):
		if r.o.Lenient {
			return nil
		}
		return at.Errorf("the protocol does not allow %q here", c)
	}
	if r.log != nil {
		r.log.Begin(i == len(r.s.ops)-1)
		r.refs.Call = i + 1
	}
	out := r.m.Apply(c.Code())
	if r.log != nil {
		r.log.Close()
		r.find.Calls = append(r.find.Calls, reports.Call{Text: c.String(), Site: r.log.Site, Steps: r.log.Steps, After: view.Snapshot(r.m.State())})
	}
	r.ended(c.String(), at, out)
	return nil
}

// ended takes down how an operation ended.
func (r *run) ended(op string, at systems.Line, out explore.Outcome) {
	r.out = out
	answer := "ok"
	switch out.Kind {
	case explore.Skipped:
		answer = "stopped"
	case explore.Violated:
		answer = "violated " + r.m.Broken(out)
	case explore.Crashed:
		answer = "crashed " + r.m.last.Error()
	}
	if out.Kind == explore.Violated || out.Kind == explore.Crashed {
		r.play.Verdict = systems.Verdict{Kind: out.Kind, What: r.m.Broken(out)}
		if out.Kind == explore.Crashed && r.o.Place {
			r.play.Verdict.Place = r.m.diedIn()
		}
		if r.o.Found != nil {
			r.o.Found(r.play.Verdict.What)
		}
	}
	r.play.Add(at.No, op, answer)
	if r.o.Watch != nil {
		r.o.Watch.Done(at.No, op, answer, r.m.State())
	}
}

// explain completes the report of what went wrong.
func (r *run) explain() {
	if r.log == nil {
		return
	}
	if r.play.Verdict.Fails() {
		r.m.conclude(r.find, r.out, view.Witness{Log: r.log, Refs: r.refs})
	}
	if r.play.Verdict.Fails() || r.o.Story {
		r.play.Finding = r.find
	}
}

// diedIn names the kernel function in which the kernel has died, in one word. It is that
// of the report.
func (m *Model) diedIn() string {
	if m.last == nil {
		return ""
	}
	switch m.last.Kind {
	case model.CrashBug, model.CrashNullCall, model.CrashPanic:
		return strings.ReplaceAll(m.last.Where, " ", "-")
	}
	if at := reports.Telling(trail().Of(m.last.Stack, m.last.Places)); at != nil {
		return at.Function
	}
	return ""
}
