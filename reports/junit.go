package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of a JUnit file, as CI systems read it: a suite for each run, a
// case for each rule.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		File    string     `xml:"file,attr,omitempty"`
		Line    int        `xml:"line,attr,omitempty"`
		Failure *junitText `xml:"failure"`
		Error   *junitText `xml:"error"`
		Skipped *junitText `xml:"skipped"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",cdata"`
	}
)

// WriteJUnit writes a report as JUnit XML. A broken rule is a failure, a crash
// of the kernel too, a rule that was never exercised is skipped, and a search
// that a limit ended is an error.
func WriteJUnit(w io.Writer, r *Report) error {
	all := junitSuites{Name: r.Tool.Name + " " + r.Tool.Version}
	for i := range r.Runs {
		s, err := junitRun(&r.Runs[i])
		if err != nil {
			return err
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitRun(r *Run) (junitSuite, error) {
	s := junitSuite{Name: r.Name()}
	add := func(name, value string) {
		if value != "" {
			s.Properties = append(s.Properties, junitProperty{name, value})
		}
	}
	add("verdict", r.Verdict)
	add("summary", r.Summary)
	add("scope", r.Scope)
	if r.Stats != nil {
		add("search", r.Stats.Text())
	}
	for i := range r.Coverage {
		add(r.Coverage[i].Name, r.Coverage[i].Text())
	}
	if r.Timings != nil {
		s.Time = fmt.Sprintf("%.3f", r.Timings.Seconds)
	}
	failed := map[string]bool{}
	for _, f := range r.Findings {
		c, err := junitFinding(r, f)
		if err != nil {
			return s, err
		}
		failed[f.ID()] = true
		s.Cases = append(s.Cases, c)
	}
	s.Cases = append(s.Cases, junitRules(r, failed)...)
	for i := range s.Cases {
		s.count(&s.Cases[i])
	}
	return s, nil
}

func (s *junitSuite) count(c *junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func junitFinding(r *Run, f *Finding) (junitCase, error) {
	var text strings.Builder
	if err := WriteFinding(&text, f, false); err != nil {
		return junitCase{}, err
	}
	c := junitCase{Name: f.ID(), Class: r.System, Failure: &junitText{Message: f.Headline(), Type: f.Verdict(), Text: "\n" + text.String()}}
	if at := f.Site(); at != nil {
		c.File, c.Line = at.File, at.Line
	}
	return c, nil
}

// junitRules are the rules that nothing broke, and the search itself.
func junitRules(r *Run, failed map[string]bool) []junitCase {
	var out []junitCase
	for _, g := range r.Coverage {
		if g.Name != "rules" {
			continue
		}
		for _, c := range g.Counts {
			if failed[c.Name] {
				continue
			}
			x := junitCase{Name: c.Name, Class: r.System}
			if c.N == 0 {
				x.Skipped = &junitText{Message: "never exercised"}
			}
			out = append(out, x)
		}
	}
	search := junitCase{Name: "search", Class: r.System}
	unfinished := r.Verdict == Stopped || r.Verdict == Differs
	if unfinished {
		search.Error = &junitText{Message: r.Summary, Type: r.Verdict}
	}
	if unfinished || len(failed) == 0 {
		out = append(out, search)
	}
	return out
}
