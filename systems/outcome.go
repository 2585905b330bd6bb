package systems

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Outcome is what a search has found out.
type Outcome struct {
	Search *Search
	Result explore.Result
	// Strategy and Depth are what was asked for; depth 0: no bound.
	Strategy explore.Strategy
	Depth    int
	// Findings are what went wrong, each explained.
	Findings []*reports.Finding
}

// Explain turns a finding of the search into a report, which it adds, and a scenario
// file. No finding is ever lost: where there is no file there is an error, and a report
// without explanation. A finding that breaks something else when it is run again is
// explained so, with an error of type [Fickle].
func (o *Outcome) Explain(found explore.Finding) (*File, error) {
	f, rep, err := o.explain(found)
	var holds *HoldsError
	if errors.As(err, &holds) {
		err = o.Search.fickle(found, "it went on")
	}
	if err != nil {
		o.Findings = append(o.Findings, o.unexplained(found, err))
		var t Trouble
		if !errors.As(err, &t) { // which says where it is
			err = fmt.Errorf("%s: %s: %w", o.Search.Title(), o.Search.Breaks(found), err)
		}
		return nil, err
	}
	f.About = []string{rep.Headline()}
	rep.Scenario = string(f.Text())
	o.Findings = append(o.Findings, rep)
	now := reported(rep).Told()
	if n := len(rep.Calls); n < f.Len() {
		now += fmt.Sprintf(" %d calls earlier", f.Len()-n)
	}
	if now != o.Search.Breaks(found).Told() {
		e := o.Search.fickle(found, now)
		rep.Detail = strings.TrimPrefix(rep.Detail+"; "+e.Error(), "; ")
		return f, e
	}
	return f, nil
}

func (o *Outcome) explain(found explore.Finding) (*File, *reports.Finding, error) {
	s, err := o.Search.Scenario(found)
	if err != nil {
		return nil, nil, err
	}
	f := &File{Name: s.System(), Scenario: s}
	if o.Strategy != explore.BreadthFirst { // other strategies find no shortest ways
		if f, _, err = f.Shrink(0); err != nil {
			return nil, nil, err
		}
	}
	rep, err := f.Explain()
	return f, rep, err
}

// unexplained is the report of a finding that could not be explained.
func (o *Outcome) unexplained(found explore.Finding, err error) *reports.Finding {
	broken := o.Search.Breaks(found)
	rep := &reports.Finding{System: o.Search.System, Detail: fmt.Sprintf("no report: %v", err), Calls: []reports.Call{}, Stack: []reports.Site{}}
	if broken.Kind == explore.Crashed {
		rep.Crash, rep.Kind = broken.What, broken.What
	} else {
		rep.Rule = broken.What
	}
	for _, code := range found.Path {
		rep.Calls = append(rep.Calls, reports.Call{Text: o.Search.CallText(code)})
	}
	return rep
}

// reported is what a report says that was broken.
func reported(rep *reports.Finding) Verdict {
	if rep.Rule != "" {
		return Verdict{Kind: explore.Violated, What: rep.Rule}
	}
	return Verdict{Kind: explore.Crashed, What: rep.Kind}
}

// ScenarioName is a name for the file of a finding's scenario.
func (o *Outcome) ScenarioName(rep *reports.Finding) string {
	return fmt.Sprintf("ptcheck-%s-%s.pt", strings.ReplaceAll(o.Search.Title(), " ", "-"), cmp.Or(rep.Rule, "crash"))
}

// Word is the verdict, one of those of package reports.
func (o *Outcome) Word() string {
	switch {
	case len(o.Findings) > 0 && o.Findings[0].Rule != "":
		return reports.Violated
	case len(o.Findings) > 0:
		return reports.Crashed
	case o.Strategy == explore.RandomWalk:
		return reports.NothingFound
	case o.Result.Complete || o.Result.Stopped == explore.StopDepth || o.Spent():
		return reports.Holds
	}
	return reports.Stopped
}

// Spent reports whether the search has ended because its own budget of states was used up,
// as it is meant to.
func (o *Outcome) Spent() bool {
	return o.Result.Stopped == explore.StopStates && o.Search.Budget != 0 && o.Result.States == o.Search.Budget
}

// Over reports whether the search went as far as it was asked to, or to a finding; if not,
// a limit or a signal has ended it.
func (o *Outcome) Over() bool {
	switch o.Result.Stopped {
	case explore.StopNone, explore.StopDepth, explore.StopFinding:
		return true
	}
	return o.Spent()
}

// Headline says in a line whether the system holds, what is broken or what ended the
// search, and how far that goes.
func (o *Outcome) Headline() string {
	r := &o.Result
	unit, moves := "states", "transitions"
	if r.Symmetry {
		unit = "states up to symmetry"
		if r.AllStates > 0 {
			unit += fmt.Sprintf(" for %d", r.AllStates)
			moves += fmt.Sprintf(" for %d", r.AllTransitions)
		}
	}
	depth := "diameter"
	if o.Strategy == explore.DepthFirst {
		depth = "longest path followed" // no shortest ways are known
	}
	numbers := fmt.Sprintf("%d %s, %d %s, %s %d", r.States, unit, r.Transitions, moves, depth, r.Diameter)
	switch {
	case len(o.Findings) > 0:
		return o.Findings[0].Headline()
	case o.Strategy == explore.RandomWalk:
		return fmt.Sprintf("nothing found in %d random walks (%d transitions, depth %d); not a proof", r.Walks, r.Transitions, r.Diameter)
	case r.Complete && r.Omission > 0:
		return fmt.Sprintf("holds, probabilistic: a state was omitted with probability at most %.2g (%s)", r.Omission, numbers)
	case r.Complete:
		return "holds (complete: " + numbers + ")"
	case r.Stopped == explore.StopDepth:
		return fmt.Sprintf("holds to depth %d, not complete (%s)", o.Depth, numbers)
	case o.Spent():
		return fmt.Sprintf("holds to depth %d, and in part of depth %d until its budget of states was spent (%s)", max(r.Diameter, 1)-1, r.Diameter, numbers)
	}
	return fmt.Sprintf("stopped by %v at depth %d, nothing found so far (%s)", r.Stopped, r.Diameter, numbers)
}

// Counts sorts the counters of the search into their groups.
func (o *Outcome) Counts() []reports.Group {
	if len(o.Result.Counters) == 0 {
		return nil
	}
	return o.Search.Coverage(o.Result.Counters)
}

// Vacuous lists the rules and calls that should have been put to the test and never
// were.
func (o *Outcome) Vacuous() []string {
	r := reports.Run{Coverage: o.Counts()}
	return r.Vacuous()
}

// Run is the outcome as part of a report. Timings, which depend on the machine, are
// not in it.
func (o *Outcome) Run() reports.Run {
	r := reports.Run{
		System: o.Search.System, Verdict: o.Word(), Summary: o.Headline(), Scope: o.Search.Scope,
		Stats:    reports.StatsOf(&o.Result, o.Strategy, o.Depth),
		Coverage: o.Counts(), Findings: append([]*reports.Finding{}, o.Findings...),
	}
	if o.Search.Part != "" {
		r.Title = o.Search.Title()
	}
	return r
}
