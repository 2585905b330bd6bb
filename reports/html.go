package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageCSS string

//go:embed page/page.js
var pageJS string

// WriteHTML writes a report as one page that needs nothing else: no network, and
// no script to be read; with scripts, the states can be stepped through.
func WriteHTML(w io.Writer, r *Report) error {
	t, err := pageTemplate()
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(r))
}

func pageTemplate() (*template.Template, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("reports: html: %w", err)
	}
	return t, nil
}

// Parts are what other pages take of the page of a report: its templates, of which
// "markers" goes before and "walks", "stepper" and "legend" show a [Way], its style sheet,
// and the script that steps through the states.
type Parts struct {
	Templates *template.Template
	CSS, JS   string
}

// PageParts returns the parts of the page.
func PageParts() (Parts, error) {
	t, err := pageTemplate()
	return Parts{t, pageCSS, pageJS}, err
}

// page is what the template shows.
type page struct {
	Title  string
	Report *Report
	CSS    template.CSS
	JS     template.JS
	Runs   []pageRun
}

type pageRun struct {
	*Run
	Good     bool
	Findings []Way
}

// Way is a finding, or a story in which nothing went wrong, made ready for the page.
type Way struct {
	*Finding
	ID     string
	At     *Site
	Code   *Excerpt // around At
	Points []pagePoint
}

// pagePoint is one state in the stepper.
type pagePoint struct {
	ID, Title string
	Call      int    // from 1; 0: the start of the day
	Kind      string // start, step or call
	Last      bool
	Picture   template.HTML
	Steps     []pageStep
	Diff      Diff
	State     *State
	Site      *Site
	Code      *Excerpt // around Site
	Stack     []Site
}

type pageStep struct {
	N    int
	Text string
	At   *Site
}

func newPage(r *Report) page {
	p := page{Report: r, CSS: template.CSS(pageCSS), JS: template.JS(pageJS)}
	var words []string
	n := 0
	for i := range r.Runs {
		run := pageRun{Run: &r.Runs[i]}
		run.Good = run.Verdict == Holds || run.Verdict == NothingFound
		words = append(words, run.Name()+": "+run.Verdict)
		for _, f := range run.Run.Findings {
			n++
			run.Findings = append(run.Findings, newWay(f, fmt.Sprintf("f%d", n)))
		}
		p.Runs = append(p.Runs, run)
	}
	p.Title = r.Tool.Name + ": " + strings.Join(words, ", ")
	return p
}

func newWay(f *Finding, id string) Way {
	out := Way{Finding: f, ID: id, At: f.Site(), Code: f.Around(f.Site())}
	out.show(f.points())
	return out
}

// LastCall is a way of which the page shows only the last call: the state before it, its
// steps, and what it led to. id makes the names in it unique.
func LastCall(f *Finding, id string) *Way {
	out := &Way{Finding: f, ID: id, At: f.Site(), Code: f.Around(f.Site())}
	points := f.points()
	n := len(f.Calls) - 1
	if n > 0 {
		for points[1].call < n {
			points = points[1:]
		}
		points[0] = point{title: "before call " + fmt.Sprint(n+1), state: f.Before(n), call: -1, step: -1}
	}
	out.show(points)
	return out
}

// show adds points to the stepper.
func (w *Way) show(points []point) {
	l := newLayout(points, w.Walks)
	for i, p := range points {
		w.Points = append(w.Points, newPagePoint(w.Finding, l, points, i, fmt.Sprintf("%s-p%d", w.ID, i), p))
	}
}

func newPagePoint(f *Finding, l *layout, points []point, i int, id string, p point) pagePoint {
	out := pagePoint{ID: id, Title: p.title, Call: p.call + 1, Kind: "start", State: p.state, Last: i == len(points)-1 && f.Wrong()}
	var old *State
	if i > 0 {
		old = points[i-1].state
	}
	if p.call >= 0 {
		c := &f.Calls[p.call]
		out.Kind = "call"
		if p.step >= 0 {
			out.Kind = "step"
			out.Stack, out.Site = c.Steps[p.step].Stack, Telling(c.Steps[p.step].Stack)
		} else {
			// The call as a whole: against the state before it.
			old = f.Before(p.call)
			out.Site = c.Site
			for n := range c.Steps {
				out.Steps = append(out.Steps, pageStep{n + 1, c.Steps[n].sentence(), Telling(c.Steps[n].Stack)})
			}
		}
	}
	if out.Last {
		out.Stack = f.Stack
		if p.call >= 0 {
			out.Title += " - " + f.Headline()
		}
	}
	out.Code = f.Around(out.Site)
	if old != nil {
		out.Diff = Compare(old, p.state)
	}
	var walks []Walk
	if i >= len(points)-2 && p.call == len(f.Calls)-1 {
		walks = f.Walks
	}
	out.Picture = draw(l, id, out.Title, describe(out.Diff, walks), p.state, old, walks)
	return out
}

// describe puts into words what a picture marks.
func describe(d Diff, walks []Walk) string {
	var parts []string
	for i := range d.Tables {
		t := &d.Tables[i]
		text := "table " + t.Header()
		for _, l := range t.Lines {
			if l.Mark != ' ' {
				text += fmt.Sprintf(" %c%s", l.Mark, l.Text)
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		parts = []string{"no table changed"}
	}
	for i := range walks {
		text := "highlighted, " + walks[i].Title + ":"
		for _, h := range walks[i].Hops {
			text += fmt.Sprintf(" %s[%d]=%s", h.Frame, h.Slot, h.Entry)
		}
		parts = append(parts, text+" "+walks[i].End)
	}
	return strings.Join(parts, "; ")
}

// MarkClass is the style of a line of a diff.
func (l Line) MarkClass() string {
	return map[byte]string{'-': "del", '+': "add", ' ': "same"}[l.Mark]
}

// String is the line with its mark in front.
func (l Line) String() string { return string(l.Mark) + " " + l.Text }
