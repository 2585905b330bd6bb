package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// exitOf is the exit code of several verdicts, as an error: the worst counts.
// strict makes it a violation when something was never exercised.
func exitOf(vs []*systems.Outcome, strict bool) error {
	code := exitHolds
	for _, v := range vs {
		if len(v.Findings) > 0 || strict && len(v.Vacuous()) > 0 {
			return exitError(exitViolated)
		}
		if !v.Over() {
			code = exitStopped
		}
	}
	if code != exitHolds {
		return exitError(code)
	}
	return nil
}

// writeText writes the verdicts.
func writeText(out io.Writer, vs []*systems.Outcome) error {
	for _, v := range vs {
		if err := writeVerdict(out, v, true); err != nil {
			return err
		}
	}
	return closing(out, vs)
}

// writeVerdict writes a verdict, with what was never exercised if that can be told; on a
// terminal long lines are folded to its width, but a program that reads them finds a line
// for each fact.
func writeVerdict(out io.Writer, v *systems.Outcome, vacuous bool) error {
	w := &folded{width: columnsOf(out)}
	r := &v.Result
	fmt.Fprintf(w, "%s: %s\n", v.Search.Title(), v.Headline())
	fmt.Fprintf(w, "  scope: %s\n", v.Search.Scope)
	sec := r.Duration.Seconds()
	fmt.Fprintf(w, "  %.2f s, %.0f states/s, %.0f transitions/s, %.0f bytes/state, peak %.1f MiB\n",
		sec, float64(r.States)/sec, float64(r.Transitions)/sec, r.BytesPerState, float64(r.PeakMemory)/(1<<20))
	fmt.Fprintf(w, "  states by depth: %s\n", strings.Trim(fmt.Sprint(r.PerDepth), "[]"))
	for _, g := range v.Counts() {
		fmt.Fprintf(w, "  %s: %s\n", g.Name, countText(g.Counts))
	}
	if vacuous {
		writeVacuous(w, v)
	}
	if _, err := w.WriteTo(out); err != nil {
		return err
	}
	for _, f := range v.Findings {
		fmt.Fprintln(out)
		if err := reports.WriteFinding(out, f, colored(out)); err != nil {
			return err
		}
	}
	return nil
}

// writeVacuous tells what was never put to the test: of a search that was over a line
// each, of one that a limit or a signal ended before its time all in one.
func writeVacuous(w io.Writer, v *systems.Outcome) {
	switch names := v.Vacuous(); {
	case len(names) == 0:
	case !v.Over() && v.Result.Transitions == 0:
		fmt.Fprintln(w, "  vacuous: everything; the search had hardly begun")
	case !v.Over():
		fmt.Fprintf(w, "  not exercised yet: %s\n", strings.Join(names, ", "))
	default:
		for _, name := range names {
			fmt.Fprintf(w, "  vacuous: %s was never exercised\n", name)
		}
	}
}

// closing says once more, a line for each finding, what it is, and how to step through
// it if it was saved: the reports above are long.
func closing(w io.Writer, vs []*systems.Outcome) error {
	for _, v := range vs {
		for _, f := range v.Findings {
			line := v.Search.Title() + ": " + f.Headline()
			if file, ok := strings.CutPrefix(f.Replay, command()+" replay "); ok {
				line += "; step through it: " + command() + " show " + file
			}
			if _, err := fmt.Fprintf(w, "\n%s\n", line); err != nil {
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

func countsJSON(v *systems.Outcome) []groupJSON {
	var out []groupJSON
	for _, g := range v.Counts() {
		out = append(out, groupJSON{g.Name, g.Counts})
	}
	return out
}

// systemJSON is the verdict of one system.
type systemJSON struct {
	System         string        `json:"system"`
	Verdict        string        `json:"verdict"`
	Part           string        `json:"part,omitempty"`
	Scope          string        `json:"scope"`
	Complete       bool          `json:"complete"`
	Symmetry       bool          `json:"symmetry"`
	AllStates      uint64        `json:"states_with_symmetric"`
	AllTransitions uint64        `json:"transitions_with_symmetric"`
	Factor         float64       `json:"symmetry_factor"`
	Stopped        string        `json:"stopped"`
	States         uint64        `json:"states"`
	Transitions    uint64        `json:"transitions"`
	Diameter       int           `json:"diameter"`
	PerDepth       []uint64      `json:"states_per_depth"`
	Skipped        uint64        `json:"skipped"`
	Omission       float64       `json:"omission_probability"`
	Walks          uint64        `json:"walks"`
	Seconds        float64       `json:"seconds"`
	StatesPerSec   float64       `json:"states_per_second"`
	BytesPerState  float64       `json:"bytes_per_state"`
	PeakMemory     uint64        `json:"peak_memory"`
	Counts         []groupJSON   `json:"counts"`
	Vacuous        []string      `json:"vacuous"`
	Findings       []findingJSON `json:"findings"`
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

func writeJSON(w io.Writer, vs []*systems.Outcome) error {
	sum := resultJSON{Verdict: "holds", Complete: true}
	for _, v := range vs {
		r := &v.Result
		sum.States += r.States
		sum.Transitions += r.Transitions
		sum.Diameter = max(sum.Diameter, r.Diameter)
		sum.Complete = sum.Complete && r.Complete
		sum.Seconds += r.Duration.Seconds()
		if v.Word() != "holds" && (sum.Verdict == "holds" || sum.Verdict == "stopped") {
			sum.Verdict = v.Word()
		}
		sum.Systems = append(sum.Systems, systemJSON{
			System: v.Search.System, Part: v.Search.Part, Verdict: v.Word(), Scope: v.Search.Scope, Complete: r.Complete, Symmetry: r.Symmetry, AllStates: r.AllStates,
			AllTransitions: r.AllTransitions, Factor: float64(r.AllStates) / float64(max(r.States, 1)), Stopped: r.Stopped.String(),
			States: r.States, Transitions: r.Transitions, Diameter: r.Diameter, PerDepth: r.PerDepth,
			Skipped: r.Skipped, Omission: r.Omission, Walks: r.Walks, StatesPerSec: float64(r.States) / r.Duration.Seconds(),
			Seconds: r.Duration.Seconds(), BytesPerState: r.BytesPerState, PeakMemory: r.PeakMemory,
			Counts: countsJSON(v), Vacuous: v.Vacuous(), Findings: findingsJSON(v.Findings),
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sum)
}
