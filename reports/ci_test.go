package reports

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSARIFPointsAtTheCode wants every location of a code flow to be a line of a
// file of this repository.
func TestSARIFPointsAtTheCode(t *testing.T) {
	for _, name := range []string{"B03", "B08", "X43"} {
		var log sarifLog
		if err := json.Unmarshal(render(t, "sarif", examples(t)[name]), &log); err != nil {
			t.Fatal(err)
		}
		result := &log.Runs[0].Results[0]
		if len(result.Locations) != 1 || result.Locations[0].Physical == nil {
			t.Fatalf("%s: no location", name)
		}
		flow := result.CodeFlows[0].ThreadFlows[0].Locations
		for i, l := range flow {
			if l.Order != i+1 || l.Location.Physical == nil && l.Nesting == 0 {
				t.Errorf("%s: location %d of the flow: %+v", name, i, l)
			}
			if p := l.Location.Physical; p != nil {
				checkLine(t, p)
			}
		}
		if last := flow[len(flow)-1]; last.Importance != "essential" {
			t.Errorf("%s: the flow ends with %+v", name, last)
		}
	}
}

func checkLine(t *testing.T, p *sarifPhysical) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(p.Artifact.URI)))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); p.Region.StartLine < 1 || p.Region.StartLine > n {
		t.Errorf("%s has %d lines, no line %d", p.Artifact.URI, n, p.Region.StartLine)
	}
}

// wantCases counts what a JUnit file must hold: cases, failures, errors, skipped.
func wantCases(r *Report) (want [4]int) {
	for _, run := range r.Runs {
		broken := map[string]bool{}
		for _, f := range run.Findings {
			broken[f.ID()] = true
			want[0]++
			want[1]++
		}
		for _, g := range run.Coverage {
			for _, c := range g.Counts {
				if g.Name == "rules" && !broken[c.Name] {
					want[0]++
					if c.N == 0 {
						want[3]++
					}
				}
			}
		}
		if len(run.Findings) == 0 {
			want[0]++ // the search itself
		}
		if run.Verdict == Stopped {
			want[2]++
		}
	}
	return want
}

// TestJUnitCounts reads JUnit files back and counts again.
func TestJUnitCounts(t *testing.T) {
	for name, r := range examples(t) {
		want := wantCases(r)
		var x junitSuites
		if err := xml.Unmarshal(render(t, "junit", r), &x); err != nil {
			t.Fatal(err)
		}
		var got [4]int
		for _, s := range x.Suites {
			for _, c := range s.Cases {
				got[0]++
				for i, part := range []*junitText{c.Failure, c.Error, c.Skipped} {
					if part != nil {
						got[i+1]++
					}
				}
			}
		}
		if got != want || [4]int{x.Tests, x.Failures, x.Errors, x.Skipped} != want {
			t.Errorf("%s: %v cases, %d %d %d %d said; want %v", name, got, x.Tests, x.Failures, x.Errors, x.Skipped, want)
		}
	}
	if x := string(render(t, "junit", hostile())); xml.Unmarshal([]byte(x), new(junitSuites)) != nil {
		t.Errorf("not well-formed: %s", x)
	}
}
