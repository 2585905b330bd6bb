package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// verdict is what a search found out about one system.
type verdict struct {
	search   *systems.Search
	result   explore.Result
	depth    int
	strategy explore.Strategy
	findings []*reports.Finding
}

// exitOf is the exit code of several verdicts, as an error: the worst counts.
// strict makes it a violation when something was never exercised.
func exitOf(vs []*verdict, strict bool) error {
	code := exitHolds
	for _, v := range vs {
		if len(v.findings) > 0 || strict && len(v.vacuous()) > 0 {
			return exitError(exitViolated)
		}
		switch v.result.Stopped {
		case explore.StopNone, explore.StopDepth, explore.StopFinding:
		default:
			code = exitStopped
		}
	}
	if code != exitHolds {
		return exitError(code)
	}
	return nil
}

// headline says holds, violated, crashed or stopped, and how far that goes.
func (v *verdict) headline() string {
	r := &v.result
	unit := "states"
	if r.Symmetry {
		unit = "states up to symmetry"
		if n := v.allStates(); n > 0 {
			unit = fmt.Sprintf("states up to symmetry for %d", n)
		}
	}
	depth := "diameter"
	if v.strategy == explore.DepthFirst {
		depth = "longest path followed" // no shortest ways are known
	}
	numbers := fmt.Sprintf("%d %s, %d transitions, %s %d", r.States, unit, r.Transitions, depth, r.Diameter)
	switch {
	case len(v.findings) > 0:
		return v.findings[0].Headline()
	case v.strategy == explore.RandomWalk:
		return fmt.Sprintf("nothing found in %d random walks (%d transitions, depth %d); not a proof", r.Walks, r.Transitions, r.Diameter)
	case r.Complete && r.Omission > 0:
		return fmt.Sprintf("holds, probabilistic: a state was omitted with probability at most %.2g (%s)", r.Omission, numbers)
	case r.Complete:
		return "holds (complete: " + numbers + ")"
	case r.Stopped == explore.StopDepth:
		return fmt.Sprintf("holds to depth %d, not complete (%s)", v.depth, numbers)
	}
	return fmt.Sprintf("stopped by %v at depth %d, nothing found so far (%s)", r.Stopped, r.Diameter, numbers)
}

// allStates is the number of states that the classes found stand for, 0 if it is
// not known.
func (v *verdict) allStates() uint64 {
	if !v.result.Symmetry || v.search.AllStates == nil || len(v.result.Counters) == 0 {
		return 0
	}
	return v.search.AllStates(v.result.Counters)
}

// counts sorts the counters of the search into their groups.
func (v *verdict) counts() []reports.Group {
	if len(v.result.Counters) == 0 {
		return nil
	}
	return v.search.Coverage(v.result.Counters)
}

// vacuous lists what should have happened and never did.
func (v *verdict) vacuous() []string {
	var out []string
	for _, g := range v.counts() {
		for _, c := range g.Counts {
			if g.Due && c.N == 0 {
				out = append(out, c.Name)
			}
		}
	}
	return out
}

// unexplained keeps a finding whose report could not be made: it is never lost.
func (v *verdict) unexplained(found explore.Finding, err error) error {
	broken := v.search.Breaks(found)
	rep := &reports.Finding{System: v.search.System, Detail: fmt.Sprintf("no report: %v", err), Calls: []reports.Call{}, Stack: []reports.Site{}}
	if broken.Kind == explore.Crashed {
		rep.Crash, rep.Kind = broken.What, broken.What
	} else {
		rep.Rule = broken.What
	}
	for _, code := range found.Path {
		rep.Calls = append(rep.Calls, reports.Call{Text: v.search.CallText(code)})
	}
	v.findings = append(v.findings, rep)
	return fmt.Errorf("%s: %s: %w", v.search.Title(), broken, err)
}

func writeText(w io.Writer, vs []*verdict) error {
	for _, v := range vs {
		r := &v.result
		fmt.Fprintf(w, "%s: %s\n", v.search.Title(), v.headline())
		fmt.Fprintf(w, "  scope: %s\n", v.search.Scope)
		sec := r.Duration.Seconds()
		fmt.Fprintf(w, "  %.2f s, %.0f states/s, %.0f transitions/s, %.0f bytes/state, peak %.1f MiB\n",
			sec, float64(r.States)/sec, float64(r.Transitions)/sec, r.BytesPerState, float64(r.PeakMemory)/(1<<20))
		fmt.Fprintf(w, "  states by depth: %s\n", strings.Trim(fmt.Sprint(r.PerDepth), "[]"))
		for _, g := range v.counts() {
			fmt.Fprintf(w, "  %s: %s\n", g.Name, countText(g.Counts))
		}
		for _, name := range v.vacuous() {
			fmt.Fprintf(w, "  vacuous: %s was never exercised\n", name)
		}
		for _, f := range v.findings {
			fmt.Fprintln(w)
			if err := reports.WriteFinding(w, f, colored(w)); err != nil {
				return err
			}
		}
	}
	return nil
}

// countText lists what happened.
func countText(counts []reports.Count) string {
	var done []string
	for _, c := range counts {
		if c.N > 0 {
			done = append(done, fmt.Sprintf("%s %d", c.Name, c.N))
		}
	}
	if done == nil {
		return "none"
	}
	return strings.Join(done, ", ")
}

// groupJSON is a row of counts.
type groupJSON struct {
	Name   string          `json:"name"`
	Counts []reports.Count `json:"counts"`
}

func (v *verdict) countsJSON() []groupJSON {
	var out []groupJSON
	for _, g := range v.counts() {
		out = append(out, groupJSON{g.Name, g.Counts})
	}
	return out
}

// systemJSON is the verdict of one system.
type systemJSON struct {
	System        string        `json:"system"`
	Verdict       string        `json:"verdict"`
	Part          string        `json:"part,omitempty"`
	Scope         string        `json:"scope"`
	Complete      bool          `json:"complete"`
	Symmetry      bool          `json:"symmetry"`
	AllStates     uint64        `json:"states_with_symmetric"`
	Factor        float64       `json:"symmetry_factor"`
	Stopped       string        `json:"stopped"`
	States        uint64        `json:"states"`
	Transitions   uint64        `json:"transitions"`
	Diameter      int           `json:"diameter"`
	PerDepth      []uint64      `json:"states_per_depth"`
	Skipped       uint64        `json:"skipped"`
	Omission      float64       `json:"omission_probability"`
	Walks         uint64        `json:"walks"`
	Seconds       float64       `json:"seconds"`
	StatesPerSec  float64       `json:"states_per_second"`
	BytesPerState float64       `json:"bytes_per_state"`
	PeakMemory    uint64        `json:"peak_memory"`
	Counts        []groupJSON   `json:"counts"`
	Vacuous       []string      `json:"vacuous"`
	Findings      []findingJSON `json:"findings"`
}

// resultJSON is what explore --json prints: the sums over all systems, then
// each of them.
type resultJSON struct {
	Verdict     string       `json:"verdict"`
	States      uint64       `json:"states"`
	Transitions uint64       `json:"transitions"`
	Diameter    int          `json:"diameter"`
	Complete    bool         `json:"complete"`
	Seconds     float64      `json:"seconds"`
	Systems     []systemJSON `json:"systems"`
}

// word is the verdict in one word.
func (v *verdict) word() string {
	switch {
	case len(v.findings) == 0 && v.strategy == explore.RandomWalk:
		return "nothing found"
	case len(v.findings) == 0 && (v.result.Complete || v.result.Stopped == explore.StopDepth):
		return "holds"
	case len(v.findings) == 0:
		return "stopped"
	case v.findings[0].Rule != "":
		return "violated"
	}
	return "crashed"
}

func writeJSON(w io.Writer, vs []*verdict) error {
	sum := resultJSON{Verdict: "holds", Complete: true}
	for _, v := range vs {
		r := &v.result
		sum.States += r.States
		sum.Transitions += r.Transitions
		sum.Diameter = max(sum.Diameter, r.Diameter)
		sum.Complete = sum.Complete && r.Complete
		sum.Seconds += r.Duration.Seconds()
		if v.word() != "holds" && (sum.Verdict == "holds" || sum.Verdict == "stopped") {
			sum.Verdict = v.word()
		}
		sum.Systems = append(sum.Systems, systemJSON{
			System: v.search.System, Part: v.search.Part, Verdict: v.word(), Scope: v.search.Scope, Complete: r.Complete, Symmetry: r.Symmetry, AllStates: v.allStates(),
			Factor: float64(v.allStates()) / float64(max(r.States, 1)), Stopped: r.Stopped.String(),
			States: r.States, Transitions: r.Transitions, Diameter: r.Diameter, PerDepth: r.PerDepth,
			Skipped: r.Skipped, Omission: r.Omission, Walks: r.Walks, StatesPerSec: float64(r.States) / r.Duration.Seconds(),
			Seconds: r.Duration.Seconds(), BytesPerState: r.BytesPerState, PeakMemory: r.PeakMemory,
			Counts: v.countsJSON(), Vacuous: v.vacuous(), Findings: findingsJSON(v.findings),
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sum)
}
