package reports

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// sourceRoot is the base of the paths in SARIF files: the root of the repository.
const sourceRoot = "SRCROOT"

// WriteSARIF writes a report as SARIF 2.1.0, one run for each system. Findings
// are results; calls and steps are the locations of their code flow.
func WriteSARIF(w io.Writer, r *Report) error {
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{}}
	for i := range r.Runs {
		log.Runs = append(log.Runs, sarifOf(r.Tool, &r.Runs[i]))
	}
	return encode(w, log)
}

func sarifOf(tool Tool, r *Run) sarifRun {
	out := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: tool.Name, Version: tool.Version, Rules: []sarifRule{}}},
		Bases:      map[string]sarifArtifact{sourceRoot: {Description: &sarifMessage{Text: "the root of the repository"}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
		Properties: &sarifRunProperties{System: r.System, Verdict: r.Verdict, Summary: r.Summary, Scope: r.Scope},
	}
	index := map[string]int{}
	for _, f := range r.Findings {
		id := f.ID()
		if _, known := index[id]; !known {
			index[id] = len(out.Tool.Driver.Rules)
			out.Tool.Driver.Rules = append(out.Tool.Driver.Rules, sarifRuleOf(f))
		}
		out.Results = append(out.Results, sarifResultOf(f, index[id]))
	}
	return out
}

func sarifRuleOf(f *Finding) sarifRule {
	rule := sarifRule{ID: f.ID(), Short: sarifMessage{Text: f.Says}, Default: sarifDefault{"error"}}
	if f.Rule == "" {
		rule.Short.Text = "The kernel must not die (" + f.Kind + ")."
	}
	if f.Source != "" {
		rule.Full = &sarifMessage{Text: f.Says + " Source: " + f.Source + "."}
	}
	return rule
}

func sarifResultOf(f *Finding, rule int) sarifResult {
	out := sarifResult{
		RuleID: f.ID(), RuleIndex: rule, Level: "error", Message: sarifMessage{Text: f.sentence()},
		Fingerprints: map[string]string{"ptcheckPath/v1": f.fingerprint()},
		CodeFlows:    []sarifCodeFlow{sarifFlow(f)},
	}
	if at := f.Site(); at != nil {
		out.Locations = []sarifLocation{sarifAt(at, "")}
	}
	if len(f.Stack) > 0 {
		out.Stacks = []sarifStack{*sarifStackOf(f.Stack, "the kernel when it went wrong")}
	}
	return out
}

// sentence is the finding for a list of results.
func (f *Finding) sentence() string {
	text := f.Headline()
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.AtRest() {
		text += fmt.Sprintf(" (%s, at rest)", f.System)
	} else {
		text += fmt.Sprintf(" (system %s, start of day %s, after %d calls: %s)", f.System, f.Start, len(f.Calls), strings.Join(f.callTexts(), ", "))
	}
	if f.Replay != "" {
		text += ". Replay: " + f.Replay
	}
	return text
}

func (f *Finding) callTexts() []string {
	var out []string
	for i := range f.Calls {
		out = append(out, f.Calls[i].Text)
	}
	return out
}

// fingerprint identifies what went wrong and the way to it, whatever the lines of
// the source are.
func (f *Finding) fingerprint() string {
	parts := append([]string{f.System, f.Start, f.ID()}, f.callTexts()...)
	if f.AtRest() {
		parts = append(parts, f.Detail) // nothing else tells two of them apart
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\n"))))[:32]
}

// sarifFlow lists calls and, below each, its steps.
func sarifFlow(f *Finding) sarifCodeFlow {
	var at []sarifFlowLocation
	add := func(l sarifFlowLocation) {
		l.Order = len(at) + 1
		at = append(at, l)
	}
	for i := range f.Calls {
		c := &f.Calls[i]
		add(sarifFlowLocation{Location: sarifAt(c.Site, fmt.Sprintf("call %d: %s", i+1, c.Text)), Importance: "important"})
		for j := range c.Steps {
			s := &c.Steps[j]
			l := sarifFlowLocation{Nesting: 1, Importance: "unimportant", Location: sarifAt(Telling(s.Stack), s.sentence())}
			if len(s.Stack) > 1 {
				l.Stack = sarifStackOf(s.Stack, "")
			}
			if len(s.Changes) > 0 {
				l.Importance, l.State = "important", map[string]sarifMessage{}
				for _, ch := range s.Changes {
					l.State[fmt.Sprintf("%s[%d]", ch.Frame, ch.Slot)] = sarifMessage{Text: ch.New}
				}
			}
			add(l)
		}
	}
	add(sarifFlowLocation{Location: sarifAt(f.Site(), f.Headline()), Importance: "essential"})
	from := "from start of day " + f.Start
	if f.AtRest() {
		from = "memory at rest"
	}
	return sarifCodeFlow{
		Message:     sarifMessage{Text: from},
		ThreadFlows: []sarifThreadFlow{{Locations: at}},
	}
}

// sentence is the step with its answer and what it changed.
func (s *Step) sentence() string {
	text := s.What
	if s.Answer != "" {
		text += " = " + s.Answer
	}
	for _, c := range s.Changes {
		text += "; " + c.String()
	}
	return text
}

// sarifAt is a place in the source; nil is a place without one.
func sarifAt(s *Site, message string) sarifLocation {
	var l sarifLocation
	if message != "" {
		l.Message = &sarifMessage{Text: message}
	}
	if s != nil {
		at := sarifArtifact{URI: s.File, Base: sourceRoot}
		if s.Outside {
			at.Base = "" // it lies elsewhere
		}
		if s.File != "" {
			l.Physical = &sarifPhysical{Artifact: at, Region: sarifRegion{s.Line}}
		}
		l.Logical = []sarifLogical{{Name: s.Function, Kind: "function"}}
	}
	return l
}

func sarifStackOf(stack []Site, message string) *sarifStack {
	out := &sarifStack{}
	if message != "" {
		out.Message = &sarifMessage{Text: message}
	}
	for i := range stack {
		out.Frames = append(out.Frames, sarifFrame{sarifAt(&stack[i], "")})
	}
	return out
}
