package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// verdict is what a search found out about one system.
type verdict struct {
	sys      *system.System
	result   explore.Result
	depth    int
	findings []*reports.Finding
}

// exitOf is the exit code of several verdicts, as an error: the worst counts.
func exitOf(vs []*verdict) error {
	code := exitHolds
	for _, v := range vs {
		if len(v.findings) > 0 {
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
	numbers := fmt.Sprintf("%d states, %d transitions, diameter %d", r.States, r.Transitions, r.Diameter)
	switch {
	case len(v.findings) > 0:
		return v.findings[0].Headline()
	case r.Complete:
		return "holds (complete: " + numbers + ")"
	case r.Stopped == explore.StopDepth:
		return fmt.Sprintf("holds to depth %d, not complete (%s)", v.depth, numbers)
	}
	return fmt.Sprintf("stopped by %v at depth %d, nothing found so far (%s)", r.Stopped, r.Diameter, numbers)
}

// count is how often something happened.
type count struct {
	Name string `json:"name"`
	N    uint64 `json:"count"`
}

func (v *verdict) calls() []count {
	var out []count
	for k := model.CallKind(1); k < model.NumCalls; k++ {
		out = append(out, count{k.String(), v.result.Counters[k]})
	}
	return out
}

func (v *verdict) rules() []count {
	var out []count
	for i, r := range v.sys.Rules() {
		out = append(out, count{r.ID, v.result.Counters[int(model.NumCalls)+i]})
	}
	return out
}

func writeText(w io.Writer, vs []*verdict) error {
	for _, v := range vs {
		r := &v.result
		fmt.Fprintf(w, "%s: %s\n", v.sys.Name, v.headline())
		fmt.Fprintf(w, "  scope: %s\n", v.sys.Scope)
		sec := r.Duration.Seconds()
		fmt.Fprintf(w, "  %.2f s, %.0f states/s, %.0f transitions/s, %.0f bytes/state\n",
			sec, float64(r.States)/sec, float64(r.Transitions)/sec, r.BytesPerState)
		fmt.Fprintf(w, "  calls: %s\n", countText(v.calls()))
		fmt.Fprintf(w, "  rules: %s\n", countText(v.rules()))
		for _, f := range v.findings {
			fmt.Fprintln(w)
			if err := reports.WriteText(w, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// countText lists what happened, then what never did.
func countText(counts []count) string {
	var done, never []string
	for _, c := range counts {
		if c.N > 0 {
			done = append(done, fmt.Sprintf("%s %d", c.Name, c.N))
		} else {
			never = append(never, c.Name)
		}
	}
	text := strings.Join(done, ", ")
	if len(never) > 0 {
		text += "; never: " + strings.Join(never, ", ")
	}
	return text
}

// systemJSON is the verdict of one system.
type systemJSON struct {
	System        string             `json:"system"`
	Verdict       string             `json:"verdict"`
	Scope         string             `json:"scope"`
	Complete      bool               `json:"complete"`
	Stopped       string             `json:"stopped"`
	States        uint64             `json:"states"`
	Transitions   uint64             `json:"transitions"`
	Diameter      int                `json:"diameter"`
	PerDepth      []uint64           `json:"states_per_depth"`
	Seconds       float64            `json:"seconds"`
	BytesPerState float64            `json:"bytes_per_state"`
	PeakMemory    uint64             `json:"peak_memory"`
	Calls         []count            `json:"calls"`
	Rules         []count            `json:"rules"`
	Findings      []*reports.Finding `json:"findings"`
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
			System: v.sys.Name, Verdict: v.word(), Scope: v.sys.Scope, Complete: r.Complete, Stopped: r.Stopped.String(),
			States: r.States, Transitions: r.Transitions, Diameter: r.Diameter, PerDepth: r.PerDepth,
			Seconds: r.Duration.Seconds(), BytesPerState: r.BytesPerState, PeakMemory: r.PeakMemory,
			Calls: v.calls(), Rules: v.rules(), Findings: v.findings,
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sum)
}
