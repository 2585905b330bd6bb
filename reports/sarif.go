package reports

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// homepage is where the tool is explained.
const homepage = "https://github.com/ptcheck/ptcheck"

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
		Tool:       sarifTool{sarifDriver{Name: tool.Name, Version: tool.Version, URI: homepage, Rules: []sarifRule{}}},
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
	rule.Help = sarifMessage{Text: f.help()}
	return rule
}

// help says what is broken, and what to do about it.
func (f *Finding) help() string {
	text := f.Says
	if f.Rule == "" {
		text = deathSays(f.Kind)
	}
	if f.Source != "" {
		text += " Source: " + f.Source + "."
	}
	if f.Limits != "" {
		text += " What the rule cannot tell: " + f.Limits
	}
	if f.Replay != "" {
		text += " The scenario file beside the report runs it again: replay it, or step through it with show."
	}
	return text + " More: ptcheck explain " + cmp.Or(f.Rule, f.Kind) + "."
}

// deathSays is what is known of a way to die.
func deathSays(kind string) string {
	for _, k := range model.CrashKinds() {
		if k.String() == kind {
			return "The kernel must not die. " + kind + ": " + k.Says()
		}
	}
	return "The kernel must not die."
}

func sarifResultOf(f *Finding, rule int) sarifResult {
	out := sarifResult{
		RuleID: f.ID(), RuleIndex: rule, Level: "error", Message: sarifMessage{Text: f.sentence()},
		Fingerprints: map[string]string{"ptcheckPath/v1": f.fingerprint()},
		CodeFlows:    []sarifCodeFlow{sarifFlow(f)},
	}
	if at := f.Site(); at != nil {
		out.Locations = []sarifLocation{f.sarifAt(at, "")}
	}
	if len(f.Stack) > 0 {
		out.Stacks = []sarifStack{*f.sarifStack(f.Stack, "the kernel when it went wrong")}
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
		add(sarifFlowLocation{Location: f.sarifAt(c.Site, fmt.Sprintf("call %d: %s", i+1, c.Text)), Importance: "important"})
		for j := range c.Steps {
			s := &c.Steps[j]
			l := sarifFlowLocation{Nesting: 1, Importance: "unimportant", Location: f.sarifAt(Telling(s.Stack), s.sentence())}
			if len(s.Stack) > 1 {
				l.Stack = f.sarifStack(s.Stack, "")
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
	add(sarifFlowLocation{Location: f.sarifAt(f.Site(), f.Headline()), Importance: "essential"})
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
func (f *Finding) sarifAt(s *Site, message string) sarifLocation {
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
			l.Physical = &sarifPhysical{Artifact: at, Region: sarifRegion{StartLine: s.Line}}
			l.Physical.quote(f.Around(s))
		}
		l.Logical = []sarifLogical{{Name: s.Function, Kind: "function"}}
	}
	return l
}

func (f *Finding) sarifStack(stack []Site, message string) *sarifStack {
	out := &sarifStack{}
	if message != "" {
		out.Message = &sarifMessage{Text: message}
	}
	for i := range stack {
		out.Frames = append(out.Frames, sarifFrame{f.sarifAt(&stack[i], "")})
	}
	return out
}

// quote adds the line and what stands around it; nil: it is not at hand.
func (p *sarifPhysical) quote(e *Excerpt) {
	if e == nil {
		return
	}
	p.Region.Snippet = &sarifMessage{Text: e.Lines[p.Region.StartLine-e.First]}
	p.Context = &sarifRegion{StartLine: e.First, EndLine: e.First + len(e.Lines) - 1, Snippet: &sarifMessage{Text: strings.Join(e.Lines, "\n")}}
}
