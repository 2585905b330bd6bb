// Package reports turns what a check has found into something to read: text for
// terminals and mails, Markdown, HTML with pictures, JSON, SARIF and JUnit XML.
//
// All renderings are made from one [Report]. They depend on nothing else: no
// clock, no machine, no folder, so that the same search gives the same bytes.
package reports

// Report is what one run of the tool has to tell.
type Report struct {
	// Schema is the version of the JSON form, see docs/report.schema.json.
	Schema int   `json:"schema"`
	Tool   Tool  `json:"tool"`
	Runs   []Run `json:"runs"`
}

// SchemaVersion is the version of the JSON form that this package writes.
const SchemaVersion = 1

// Tool names the program that made a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// New returns a report of ptcheck in the given version. It reads the source around the
// places that findings name.
func New(version string, runs ...Run) *Report {
	if runs == nil {
		runs = []Run{}
	}
	q := newSources()
	for i := range runs {
		for _, f := range runs[i].Findings {
			q.quote(f)
		}
	}
	return &Report{Schema: SchemaVersion, Tool: Tool{Name: "ptcheck", Version: version}, Runs: runs}
}

// Run is what one system came to: a search, a replayed scenario or a planted
// bug.
type Run struct {
	System string `json:"system"`
	// Title says what was run, where that is more than the system.
	Title string `json:"title,omitempty"`
	// Verdict is one of the Verdict constants, and Summary the verdict in a
	// sentence with its numbers.
	Verdict string `json:"verdict"`
	Summary string `json:"summary"`
	Scope   string `json:"scope,omitempty"`
	// Stats are the numbers of a search; nil if there was none.
	Stats *Stats `json:"statistics,omitempty"`
	// Coverage says which calls were made and which rules exercised, how often.
	Coverage []Group    `json:"coverage,omitempty"`
	Findings []*Finding `json:"findings"`
	// Timings depend on the machine; nil unless they were asked for.
	Timings *Timings `json:"timings,omitempty"`
}

// Verdicts of a run.
const (
	Holds        = "holds"
	Violated     = "violated"
	Crashed      = "crashed"
	Stopped      = "stopped"       // by a limit before the question was answered
	NothingFound = "nothing found" // by random walks
	Differs      = "differs"       // a replay answers other than expected
)

// Verdict is a word for how a run ended, and what it means.
type Verdict struct{ Word, Says string }

// Verdicts are all of them.
func Verdicts() []Verdict {
	return []Verdict{
		{Holds, "Nothing goes wrong in the scope: complete, or to the depth that is said."},
		{Violated, "A rule is broken; the report has the shortest way there."},
		{Crashed, "The kernel dies: of a fault, a BUG, a refused hypercall, or without an end."},
		{Stopped, "A limit or a signal ended the run before the question was answered."},
		{NothingFound, "Random walks have found nothing, which is no proof."},
		{Differs, "A replay answers other than the file expects."},
	}
}

// Stats are the numbers of a search. None depends on the machine.
type Stats struct {
	Strategy    string   `json:"strategy"`
	Depth       int      `json:"depth"` // as asked for; 0: no bound
	Complete    bool     `json:"complete"`
	Symmetry    bool     `json:"symmetry"`
	Stopped     string   `json:"stopped"` // why the search ended before all was seen
	States      uint64   `json:"states"`
	Transitions uint64   `json:"transitions"`
	Diameter    int      `json:"diameter"`
	PerDepth    []uint64 `json:"states_per_depth"`
	// What symmetric states count among, 0: not known.
	AllStates      uint64  `json:"states_with_symmetric"`
	AllTransitions uint64  `json:"transitions_with_symmetric"`
	Omission       float64 `json:"omission_probability"`
	Walks          uint64  `json:"walks"`
}

// Group is a named row of counts, such as "calls" or "rules".
type Group struct {
	Name   string  `json:"name"`
	Counts []Count `json:"counts"`
	// Due says that a count of 0 is worth telling: what never happened was never
	// put to the test.
	Due bool `json:"due"`
}

// Count is how often something happened.
type Count struct {
	Name string `json:"name"`
	N    uint64 `json:"count"`
}

// Timings are what a run cost on the machine it ran on.
type Timings struct {
	Seconds       float64 `json:"seconds"`
	BytesPerState float64 `json:"bytes_per_state"`
	PeakMemory    uint64  `json:"peak_memory"` // bytes
}

// Vacuous lists what should have happened and never did.
func (r *Run) Vacuous() []string {
	var out []string
	for _, g := range r.Coverage {
		for _, c := range g.Counts {
			if g.Due && c.N == 0 {
				out = append(out, c.Name)
			}
		}
	}
	return out
}

// Done lists what a group counted at least once.
func (g *Group) Done() []Count {
	var out []Count
	for _, c := range g.Counts {
		if c.N > 0 {
			out = append(out, c)
		}
	}
	return out
}

// Name is the run's title or, without one, its system.
func (r *Run) Name() string {
	if r.Title != "" {
		return r.Title
	}
	return r.System
}
