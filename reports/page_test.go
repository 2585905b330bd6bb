package reports

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// TestPageNeedsNothing wants no reference to anything outside the page.
func TestPageNeedsNothing(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(src=|href="[^#d]|https?:|//[a-z]+\.|url\([^#]|@import|<link[^>]+stylesheet|<script[^>])`)
	for name, r := range examples(t) {
		page := string(render(t, "html", r))
		// A rule's source may be named; it is text and loads nothing.
		if m := outside.FindString(page); m != "" {
			t.Errorf("%s: %q", name, m)
		}
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: the template refused something", name)
		}
	}
}

// TestPageEscapes wants text that means something in HTML to come out as text.
func TestPageEscapes(t *testing.T) {
	page := string(render(t, "html", hostile()))
	if strings.Contains(page, "<svg onload") || strings.Count(page, "</script>") != 1 {
		t.Error("a text of the report has become part of the page")
	}
	md := string(render(t, "markdown", hostile()))
	for i, line := range strings.Split(outsideCode(md), "\n") {
		if strings.Contains(line, "<svg") || strings.Contains(line, "</script>") {
			t.Errorf("markdown line %d: %s", i+1, line)
		}
	}
}

// outsideCode drops fenced blocks and code spans.
func outsideCode(md string) string {
	var out []string
	fence := ""
	for _, line := range strings.Split(md, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && line == fence:
			fence = ""
		case fence == "":
			out = append(out, regexp.MustCompile("``.*?``[^`]|`[^`]*`").ReplaceAllString(line, ""))
		}
	}
	return strings.Join(out, "\n")
}

// pictures finds the drawings of a page and checks that they are well-formed.
func pictures(t *testing.T, page string) []string {
	t.Helper()
	out := regexp.MustCompile(`(?s)<svg class="pt".*?</svg>`).FindAllString(page, -1)
	for _, p := range out {
		for d := xml.NewDecoder(strings.NewReader(p)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, p)
			}
		}
	}
	return out
}

// TestPictures wants one named picture for each state on the way, with both
// kinds of arrows, and what is wrong marked at the end and nowhere before.
func TestPictures(t *testing.T) {
	for name, r := range examples(t) {
		for _, run := range r.Runs {
			for i, f := range run.Findings {
				points := len(f.Calls) + len(f.Last().Steps) + 1
				page := string(render(t, "html", &Report{Tool: r.Tool, Runs: []Run{{System: run.System, Findings: []*Finding{f}}}}))
				all := pictures(t, page)
				if len(all) != points {
					t.Fatalf("%s: finding %d: %d pictures of %d states", name, i, len(all), points)
				}
				for n, p := range all {
					if !strings.Contains(p, "<title id=") || !strings.Contains(p, "<desc id=") {
						t.Errorf("%s: picture %d has no name", name, n)
					}
					if marked := strings.Contains(p, `class="wrong"`); marked && n < points-2 {
						t.Errorf("%s: picture %d of %d marks an entry as wrong", name, n, points)
					}
				}
				if name != "hostile" && !strings.Contains(all[points-1], `class="wrong"`) {
					t.Errorf("%s: the last picture marks nothing", name)
				}
			}
		}
	}
	page := string(render(t, "html", examples(t)["B08"]))
	for _, part := range []string{`class="arrow rw"`, `class="arrow ro"`, `class="arrow ro path"`, `marker-end="url(#ro)"`, `class="changed"`, ">+</text>"} {
		if !strings.Contains(page, part) {
			t.Errorf("no %s", part)
		}
	}
}

// TestBoxesLieApart wants no two boxes of a picture to overlap, and all within
// its frame.
func TestBoxesLieApart(t *testing.T) {
	for name, r := range examples(t) {
		for _, run := range r.Runs {
			for _, f := range run.Findings {
				l := newLayout(f.points(), f.Walks)
				for i := range l.boxes {
					a := &l.boxes[i]
					if a.x < 0 || a.y < 0 || a.x+l.boxW > l.pageX || a.y+a.h > l.height {
						t.Errorf("%s: %+v lies outside", name, a)
					}
					for _, b := range l.boxes[:i] {
						if a.x < b.x+l.boxW && b.x < a.x+l.boxW && a.y < b.y+b.h && b.y < a.y+a.h {
							t.Errorf("%s: %+v and %+v overlap", name, a, b)
						}
					}
				}
			}
		}
	}
}

// TestSameBytes renders everything twice.
func TestSameBytes(t *testing.T) {
	for name, r := range examples(t) {
		a, err := Files(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Files(r)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if a[i].Name != b[i].Name || !bytes.Equal(a[i].Data, b[i].Data) {
				t.Errorf("%s: %s differs from one time to the next", name, a[i].Name)
			}
		}
	}
}

// TestNoMachineInReports wants no absolute path, no date and no duration.
func TestNoMachineInReports(t *testing.T) {
	trace := regexp.MustCompile(`/(root|home|tmp|work|usr|go)/|20\d\d-\d\d-\d\d|seconds|\d ms\b`)
	for _, name := range []string{"B03", "B08", "X43"} {
		files, err := Files(examples(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if m := trace.Find(f.Data); m != nil {
				t.Errorf("%s/%s: %s", name, f.Name, m)
			}
		}
	}
}

// TestUniqueNames wants every id of a page once, and every reference to lead to
// one.
func TestUniqueNames(t *testing.T) {
	for name, r := range examples(t) {
		page := string(render(t, "html", r))
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %s is there twice", name, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`(?:href="#|url\(#|aria-labelledby=")([^")]+)`).FindAllStringSubmatch(page, -1) {
			for _, id := range strings.Fields(m[1]) {
				if !ids[id] {
					t.Errorf("%s: nothing has the id %s", name, id)
				}
			}
		}
	}
	if fmt.Sprint(rowsOf(map[int]bool{3: true, -8: true})) != "[{0 2} {3 3} {4 7}]" {
		t.Error("empty slots are not folded together")
	}
}
