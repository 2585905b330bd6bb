package attack

import (
	"fmt"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Play implements [systems.Scenario].
func (s *Scenario[S, O]) Play(o systems.PlayOptions) (*systems.Play, error) {
	if err := Plantable(s.change); err != nil {
		return nil, fmt.Errorf("%s: %w", s.kind.Name(), err)
	}
	g, err := s.kind.Open(s.start, s.change)
	if err != nil {
		return nil, s.end.Errorf("%v", err)
	}
	o.Report = o.Report || o.Story
	r := &run[S, O]{s: s, o: o, g: g, play: &systems.Play{}}
	for _, h := range s.head {
		r.play.Add(h.at.No, h.text, "ok")
	}
	r.begin()
	defer r.refs.End()
	if len(s.ops) == 0 && !r.play.Verdict.Fails() && !o.Lenient {
		return nil, s.end.Errorf("no operation follows: nothing would be put to the test")
	}
	for i := range s.ops {
		if r.watched() && o.Watch.Over() {
			break
		}
		if r.play.Verdict.Fails() {
			if o.Lenient {
				break
			}
			return nil, &systems.EarlyError{Err: s.ops[i].line().Errorf("a rule is broken before this operation")}
		}
		if err := r.operation(&s.ops[i]); err != nil {
			return nil, err
		}
	}
	if r.play.Verdict.Fails() && o.Report || o.Story {
		r.play.Finding = r.finding
	}
	return r.play, nil
}

// line is where the operation is answered.
func (o *operation[O]) line() systems.Line {
	if n := len(o.at); n > 0 {
		return o.at[n-1]
	}
	return systems.Line{}
}

// run is one run of a scenario.
type run[S comparable, O any] struct {
	s       *Scenario[S, O]
	o       systems.PlayOptions
	g       Guest[O]
	play    *systems.Play
	finding *reports.Finding // the report so far, nil if none is wanted
	refs    *view.RefLog     // the same
}

func (r *run[S, O]) watched() bool { return r.o.Watch != nil }

// begin looks at the start of the day.
func (r *run[S, O]) begin() {
	k, s := r.s.kind, r.s.start
	r.g.Restart()
	if r.o.Report {
		r.refs = view.WatchRefs(r.g.State())
		r.finding = &reports.Finding{
			System: k.Name(), Start: k.Start(s), Frames: []string{k.Frames(s)}, Initial: view.GuestSnapshot(r.g.State()),
			Calls: []reports.Call{}, Stack: []reports.Site{}, Walks: []reports.Walk{},
		}
	}
	answer := r.judged("ok", r.g.Settle())
	if r.watched() {
		r.o.Watch.Done(0, "start of the day", answer, r.g.State())
	}
}

// operation carries one operation out.
func (r *run[S, O]) operation(o *operation[O]) error {
	ended := r.g.State().Ended()
	if r.refs != nil {
		r.refs.Call++
	}
	rc, ok := r.g.Issue(o.op)
	switch {
	case ok:
	case r.o.Lenient:
		return nil
	case ended:
		return o.line().Errorf("the guest has ended before this operation")
	default:
		return o.line().Errorf("%s", r.s.kind.Impossible(r.s.start, o.op))
	}
	said := rc.String()
	if !ended && r.g.State().Ended() {
		said = systems.AnswerEnded
	}
	if r.finding != nil || r.watched() {
		r.tell(o, said)
	}
	answer := r.judged(said, r.g.Settle())
	r.answer(o, answer)
	if r.watched() {
		r.o.Watch.Done(o.line().No, r.s.kind.Text(r.s.start, o.op), answer, r.g.State())
	}
	return nil
}

// tell adds an operation to the report and shows the watcher what it has changed, while
// that is known: an operation is one step of its machine.
func (r *run[S, O]) tell(o *operation[O], said string) {
	k := r.s.kind
	step := reports.Step{What: k.Text(r.s.start, o.op), Changes: r.g.Changes(), Stack: []reports.Site{}}
	if step.Changes == nil {
		step.Changes = []reports.Change{}
	}
	if r.watched() {
		r.o.Watch.Step(r.g.State(), reports.Step{What: "the operation as a whole", Changes: step.Changes})
	}
	if r.finding == nil {
		return
	}
	if k.Answered(o.op) {
		step.Answer = said
	}
	r.finding.Calls = append(r.finding.Calls, reports.Call{
		Text: step.What, Site: k.Site(o.op), Steps: []reports.Step{step}, After: view.GuestSnapshot(r.g.State()),
	})
}

// judged is an answer with what has been found broken, if anything.
func (r *run[S, O]) judged(answer string, broken int) string {
	if broken < 0 {
		return answer
	}
	rule := r.s.kind.Rule(broken)
	r.play.Verdict = Broken(rule)
	if r.o.Found != nil {
		r.o.Found(rule.ID)
	}
	if f := r.finding; f != nil {
		f.Rule, f.Says, f.Source, f.Limits = rule.ID, rule.Says, rule.Source, rule.Limits
		r.g.Conclude(f, broken, view.Witness{Refs: r.refs})
	}
	return answer + ", violated " + rule.ID
}

// answer takes down what the lines of an operation come to.
func (r *run[S, O]) answer(o *operation[O], answer string) {
	lines := r.s.kind.Lines(r.s.start, o.op)
	for i, text := range lines {
		no, said := 0, "ok"
		if i < len(o.at) {
			no = o.at[i].No
		}
		if i == len(lines)-1 {
			said = answer
		}
		r.play.Add(no, text, said)
	}
}
