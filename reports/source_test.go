package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// hooksSource is a file of two functions, whose lines are numbered from 1.
const hooksSource = `package mine

func First() {
	store(1)
}

func Second() {
	a()
	if b() {
		store(2)
		store(3)
	}
	c()
}
`

// atSource is a place in a file with a text.
func atSource(t *testing.T, name, text string, line int) *Site {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Site{Function: "mine.Second", File: "example.com/mine/" + name, Line: line, Outside: true, Path: path}
}

// TestExcerpt quotes three to seven lines around each line of a file, none of the function
// before or after.
func TestExcerpt(t *testing.T) {
	for line, want := range map[int][]string{
		4:  {"func First() {", "\tstore(1)", "}"},
		5:  {"func First() {", "\tstore(1)", "}"},
		7:  {"func Second() {", "\ta()", "\tif b() {", "\t\tstore(2)"},
		10: {"func Second() {", "\ta()", "\tif b() {", "\t\tstore(2)", "\t\tstore(3)", "\t}", "\tc()"},
		13: {"\t\tstore(2)", "\t\tstore(3)", "\t}", "\tc()", "}"},
	} {
		e, ok := newSources().excerpt(atSource(t, "hooks.go", hooksSource, line))
		if !ok || !reflect.DeepEqual(e.Lines, want) || e.Marked[0] != line || e.Lines[line-e.First] != strings.Split(hooksSource, "\n")[line-1] {
			t.Errorf("around line %d: %v %+v, want %q", line, ok, e, want)
		}
	}
	e, _ := newSources().excerpt(atSource(t, "hooks.go", hooksSource, 10))
	e.Marked = []int{10, 11}
	want := "   7  func Second() {\n   8      a()\n   9      if b() {\n> 10          store(2)\n> 11          store(3)\n  12      }\n  13      c()\n"
	if got := e.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNotAtHand wants nothing of what is no source, or not there.
func TestNotAtHand(t *testing.T) {
	gone := atSource(t, "hooks.go", hooksSource, 10)
	gone.Path += ".go"
	folder := atSource(t, "hooks.go", hooksSource, 1)
	folder.Path = filepath.Join(filepath.Dir(folder.Path), "x.go")
	if err := os.Mkdir(folder.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	relative := atSource(t, "hooks.go", hooksSource, 1)
	relative.Path = ""
	for name, s := range map[string]*Site{
		"no file": gone, "a folder": folder, "no path": relative,
		"beyond its end":  atSource(t, "hooks.go", hooksSource, 15),
		"line 0":          atSource(t, "hooks.go", hooksSource, 0),
		"no source":       atSource(t, "secret", hooksSource, 10),
		"not text":        atSource(t, "hooks.c", "\xff\xfe", 1),
		"larger than all": atSource(t, "hooks.c", strings.Repeat("\n", maxSource+1), 1),
	} {
		if e, ok := newSources().excerpt(s); ok {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if Source(nil) != "" || Source(gone) != "" {
		t.Error("there is source of nothing")
	}
}

// TestBounds wants long lines cut, and no more excerpts than a reader can take.
func TestBounds(t *testing.T) {
	s := atSource(t, "hooks.go", strings.Repeat("ä", maxLine)+"\n", 1)
	if e, ok := newSources().excerpt(s); !ok || len(e.Lines[0]) != maxLine+len("...") {
		t.Errorf("%v, %d bytes", ok, len(e.Lines[0]))
	}
	many := atSource(t, "hooks.go", strings.Repeat("x\n", 2000), 1)
	f := &Finding{Rule: "r"}
	for line := 1; line < 2000; line += 20 {
		at := *many
		at.Line = line
		f.Stack = append(f.Stack, at)
	}
	New("x", Run{Findings: []*Finding{f}})
	if len(f.Code) != maxExcerpts {
		t.Errorf("%d excerpts, want %d", len(f.Code), maxExcerpts)
	}
}

// quoted is a report of a finding in a file that is at hand.
func quoted(t *testing.T) (*Report, *Site) {
	at := atSource(t, "hooks.go", hooksSource, 10)
	second := *at
	second.Line = 4
	f := &Finding{
		System: "mine", Start: "s", Rule: "r", Says: "s", Stack: []Site{*at}, Frames: []string{}, Walks: []Walk{},
		Initial: State{Registers: []Register{}, Tables: []Table{}, Pages: []Page{}},
		Calls:   []Call{{Text: "c", Site: &second, Steps: []Step{}, After: State{Registers: []Register{}, Tables: []Table{}, Pages: []Page{}}}},
	}
	return New("x", Run{System: "mine", Verdict: Violated, Summary: "s", Findings: []*Finding{f}}), at
}

// TestEveryFormatQuotes wants the code in every format, and nowhere what a report must not
// depend on: the folder in which the source lies.
func TestEveryFormatQuotes(t *testing.T) {
	r, at := quoted(t)
	for _, f := range Formats() {
		text := string(render(t, f.Name, r))
		for _, code := range []string{"store(2)", "store(1)"} {
			if !strings.Contains(text, code) {
				t.Errorf("%s does not show %s:\n%s", f.Name, code, text)
			}
		}
		if strings.Contains(text, filepath.Dir(at.Path)) {
			t.Errorf("%s has the folder", f.Name)
		}
	}
	for format, path := range map[string]string{"json": "../docs/report.schema.json", "sarif": "testdata/sarif-2.1.0-rtm.5.json"} {
		if err := compile(t, path).Validate(instance(t, format, r)); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestWithoutSource wants the same report but for the code where the source is not at hand.
func TestWithoutSource(t *testing.T) {
	r, at := quoted(t)
	f := r.Runs[0].Findings[0]
	f.Code = nil
	f.Stack[0].Path, f.Calls[0].Site.Path = at.Path+".go", ""
	r = New("x", r.Runs...)
	for _, format := range Formats() {
		if text := string(render(t, format.Name, r)); strings.Contains(text, "store(") || !strings.Contains(text, "example.com/mine/hooks.go") {
			t.Errorf("%s:\n%s", format.Name, text)
		}
	}
}

// TestSARIFSnippets holds the snippets to the lines that they are said to be.
func TestSARIFSnippets(t *testing.T) {
	r, _ := quoted(t)
	var log sarifLog
	if err := json.Unmarshal(render(t, "sarif", r), &log); err != nil {
		t.Fatal(err)
	}
	run := &log.Runs[0]
	p := run.Results[0].Locations[0].Physical
	lines := strings.Split(hooksSource, "\n")
	if p.Region.StartLine != 10 || p.Region.Snippet.Text != lines[9] || p.Context.Snippet.Text != strings.Join(lines[p.Context.StartLine-1:p.Context.EndLine], "\n") {
		t.Errorf("%+v, %+v", p.Region, p.Context)
	}
	if run.Tool.Driver.URI != homepage {
		t.Errorf("the tool is explained at %q", run.Tool.Driver.URI)
	}
}

// TestSARIFHelp wants every rule to have help, that of a crash what the death is.
func TestSARIFHelp(t *testing.T) {
	for name, r := range examples(t) {
		var log sarifLog
		if err := json.Unmarshal(render(t, "sarif", r), &log); err != nil {
			t.Fatal(err)
		}
		for _, rule := range log.Runs[0].Tool.Driver.Rules {
			f := r.Runs[0].Findings[0]
			word := f.Rule
			if f.Rule == "" {
				word = f.Kind
			}
			if !strings.HasSuffix(rule.Help.Text, "More: ptcheck explain "+word+".") || f.Rule == "" && !strings.Contains(rule.Help.Text, word+": ") {
				t.Errorf("%s: %+v", name, rule.Help)
			}
		}
	}
}
