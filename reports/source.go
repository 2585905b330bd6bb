package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Excerpt is some lines of the source around places that a finding names.
type Excerpt struct {
	// File is as sites have it.
	File string `json:"file"`
	// First is the number of the first of Lines, from 1. Lines are as they stand in the file,
	// without line ends; one that is very long is cut.
	First int      `json:"first"`
	Lines []string `json:"lines"`
	// Marked are the numbers of the lines that are meant.
	Marked []int `json:"marked"`
}

// What is read and quoted of the source is bounded.
const (
	around       = 3        // lines before and after a place
	least        = 3        // lines in all, as far as there are
	maxExcerpts  = 24       // of a finding
	maxSource    = 4 << 20  // bytes of a file
	maxLine      = 200      // bytes of a line
	maxAllSource = 64 << 20 // bytes of all files of a report
)

// sources reads files of source, each once.
type sources struct {
	files map[string][]string // lines by path; nil: not at hand
	bytes int64
}

// newSources returns a reader of source as it is now. Nothing comes of a file that is not
// at hand, or no source.
func newSources() *sources { return &sources{files: map[string][]string{}} }

// lines are the lines of a file.
func (q *sources) lines(path string) []string {
	lines, known := q.files[path]
	if !known {
		lines = q.read(path)
		q.files[path] = lines
	}
	return lines
}

// read reads a file. Recordings may name any: only what has the name of source is read.
func (q *sources) read(path string) []string {
	if !slices.Contains([]string{".go", ".c", ".h", ".S"}, filepath.Ext(path)) {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource || q.bytes+info.Size() > maxAllSource {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil || !utf8.Valid(text) {
		return nil
	}
	q.bytes += int64(len(text))
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// excerpt quotes the lines around a place; ok is false where they are not at hand.
func (q *sources) excerpt(s *Site) (e Excerpt, ok bool) {
	lines := q.lines(s.Path)
	at := s.Line - 1
	if s.Path == "" || at < 0 || at >= len(lines) {
		return Excerpt{}, false
	}
	first, end := at, at+1
	for first > 0 && at-first < around && !apart(lines[first-1], lines[first]) {
		first--
	}
	for end < len(lines) && end-at <= around && !apart(lines[end], lines[end-1]) {
		end++
	}
	if end-first < least {
		first, end = max(0, at-around), min(len(lines), at+around+1)
	}
	e = Excerpt{File: s.File, First: first + 1, Marked: []int{s.Line}}
	for _, l := range lines[first:end] {
		e.Lines = append(e.Lines, cutLine(strings.TrimSuffix(l, "\r")))
	}
	return e, true
}

// apart reports whether an empty line separates a declaration from its neighbours.
func apart(empty, beside string) bool {
	return strings.TrimSpace(empty) == "" && strings.TrimLeft(beside, " \t") == beside
}

// cutLine cuts a line that is too long, between letters.
func cutLine(l string) string {
	if len(l) <= maxLine {
		return l
	}
	n := maxLine
	for !utf8.RuneStart(l[n]) {
		n--
	}
	return l[:n] + "..."
}

// has reports whether an excerpt shows a line of a file.
func (e *Excerpt) has(file string, line int) bool {
	return e.File == file && line >= e.First && line < e.First+len(e.Lines)
}

// quote fills in the code around the places of a finding, the most telling first, unless
// it has been done.
func (q *sources) quote(f *Finding) {
	if f.Code != nil {
		return
	}
	f.Code = []Excerpt{}
	for _, s := range f.places() {
		if i := slices.IndexFunc(f.Code, func(e Excerpt) bool { return e.has(s.File, s.Line) }); i >= 0 {
			if e := &f.Code[i]; !slices.Contains(e.Marked, s.Line) {
				e.Marked = append(e.Marked, s.Line)
				slices.Sort(e.Marked)
			}
		} else if e, ok := q.excerpt(s); ok && len(f.Code) < maxExcerpts {
			f.Code = append(f.Code, e)
		}
	}
}

// places are the places of a finding with a line, the most telling first.
func (f *Finding) places() []*Site {
	list := []*Site{f.Site()}
	for i := range f.Stack {
		list = append(list, &f.Stack[i])
	}
	if c := f.Last(); c != nil {
		for i := range c.Steps {
			list = append(list, Telling(c.Steps[i].Stack))
		}
	}
	for i := range f.Causes {
		list = append(list, f.Causes[i].Site, f.Causes[i].For)
	}
	for i := range f.Calls {
		list = append(list, f.Calls[i].Site)
	}
	return slices.DeleteFunc(list, func(s *Site) bool { return s == nil || s.File == "" })
}

// Around is the code around a place of a finding, nil where it is not at hand.
func (f *Finding) Around(s *Site) *Excerpt {
	if s == nil {
		return nil
	}
	for i := range f.Code {
		if f.Code[i].has(s.File, s.Line) {
			return &f.Code[i]
		}
	}
	return nil
}

// Others is the code of a finding but for that of the place to look at first.
func (f *Finding) Others() []*Excerpt {
	first := f.Around(f.Site())
	var out []*Excerpt
	for i := range f.Code {
		if &f.Code[i] != first {
			out = append(out, &f.Code[i])
		}
	}
	return out
}

// Source is the code around a place as a program shows it that steps through a run: text
// with numbers, "" where it is not at hand.
func Source(s *Site) string {
	if s == nil {
		return ""
	}
	e, ok := newSources().excerpt(s)
	if !ok {
		return ""
	}
	return e.Text()
}

// Title is the file with the lines that are meant.
func (e *Excerpt) Title() string {
	text := fmt.Sprintf("%s:%d", e.File, e.Marked[0])
	for _, n := range e.Marked[1:] {
		text += fmt.Sprintf(", %d", n)
	}
	return text
}

// Text is the excerpt for reading: numbered, marked with >, with as little indent as the
// lines allow, and four columns for a tabulator.
func (e *Excerpt) Text() string {
	indent := -1
	for _, l := range e.Lines {
		if tabs := len(l) - len(strings.TrimLeft(l, "\t")); strings.TrimSpace(l) != "" && (indent < 0 || tabs < indent) {
			indent = tabs
		}
	}
	var b strings.Builder
	digits := len(fmt.Sprint(e.First + len(e.Lines) - 1))
	for i, l := range e.Lines {
		mark := ' '
		if slices.Contains(e.Marked, e.First+i) {
			mark = '>'
		}
		text := strings.ReplaceAll(l[min(max(indent, 0), len(l)):], "\t", "    ")
		b.WriteString(strings.TrimRight(fmt.Sprintf("%c %*d  %s", mark, digits, e.First+i, printable(text)), " ") + "\n")
	}
	return b.String()
}

// CodeLine is a line of an excerpt as it is shown.
type CodeLine struct {
	Text   string
	Marked bool
}

// TextLines are the lines of Text.
func (e *Excerpt) TextLines() (out []CodeLine) {
	for line := range strings.Lines(e.Text()) {
		out = append(out, CodeLine{strings.TrimRight(line, "\n"), line[0] == '>'})
	}
	return out
}

// Language is the name of the excerpt's language for code blocks.
func (e *Excerpt) Language() string {
	if filepath.Ext(e.File) == ".go" {
		return "go"
	}
	return "c"
}
