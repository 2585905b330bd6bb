package show

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/internal/printable"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// print shows a moment; mark stands in front of its first line.
func (s *Session) print(mark string, m *moment) {
	if m.pos.step == 0 {
		s.fold(fmt.Sprintf("%s%-6v ", mark, m.pos), printable.Line(m.op)+" = "+printable.Line(m.answer), "")
		return
	}
	step := m.step
	if step.Value != "" {
		step.What += ": " + step.Value
	}
	s.fold(fmt.Sprintf("%s%-6v ", mark, m.pos), step.Line(), step.Where())
	for _, c := range m.step.Changes {
		s.fold("         ", c.String(), "")
	}
	if m.step.Value != "" && len(m.step.Changes) == 0 {
		s.fold("         ", "no table changes", "")
	}
}

// fold prints a text, and a place beside it if there is room, else below it. The words of
// a place stay whole.
func (s *Session) fold(first, text, place string) {
	rest := strings.Repeat(" ", len(first))
	line := strings.TrimRight(first+text, " ")
	if place != "" {
		if both := fmt.Sprintf("%s%-40s %s", first, text, place); s.fits(both) {
			line, place = both, ""
		}
	}
	if s.fits(line) {
		fmt.Fprintln(s.out, line)
	} else {
		for _, l := range columns.Fold(text, first, rest, s.width) {
			fmt.Fprintln(s.out, l)
		}
	}
	if place == "" {
		return
	}
	if s.fits(rest + place) {
		fmt.Fprintln(s.out, rest+place)
		return
	}
	// Farther to the left, and function and file apart: a file's name that goes on in the
	// next line can neither be read nor copied.
	for word := range strings.FieldsSeq(place) {
		indent := rest
		if !s.fits(indent + word) {
			indent = strings.Repeat(" ", max(0, s.width-utf8.RuneCountInString(word)))
		}
		fmt.Fprintln(s.out, indent+word)
	}
}

// fits reports whether a line need not be folded.
func (s *Session) fits(line string) bool {
	return s.width == 0 || utf8.RuneCountInString(line) <= s.width
}

// say prints lines of text, folded where they are too long.
func (s *Session) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.width > 0 {
		text = columns.Page(strings.TrimSuffix(text, "\n"), s.width)
	}
	fmt.Fprintln(s.out, strings.TrimSuffix(text, "\n"))
}

// gutter stands before lines of source.
const gutter = "  | "

// tellCode prints the line of source that took the step that is shown, or all around it;
// at the end of a run in which something goes wrong, where that was.
func (s *Session) tellCode(all bool) error {
	m := &s.moments[s.at]
	site := reports.Telling(m.step.Stack)
	if s.at == len(s.moments)-1 {
		f, err := s.finding()
		if err != nil {
			return err
		}
		if f != nil {
			site = f.Site()
			s.tellWrong(f, site)
		}
	}
	for line := range strings.Lines(reports.Source(site)) {
		if all || line[0] == '>' {
			s.code(strings.TrimRight(line, "\n"))
		}
	}
	return nil
}

// tellWrong says what has gone wrong and where.
func (s *Session) tellWrong(f *reports.Finding, at *reports.Site) {
	place := ""
	if at != nil {
		place = at.String()
	}
	if f.Detail != "" {
		s.fold("       here: ", f.Detail, "")
	}
	if place != "" {
		s.fold("       code: ", place, "")
	}
}

// code prints a line of source, cut at the width.
func (s *Session) code(line string) {
	line = gutter + line
	if n := utf8.RuneCountInString(line); s.width > 3 && n > s.width {
		line = string([]rune(line)[:s.width-3]) + "..."
	}
	fmt.Fprintln(s.out, line)
}

// finding is the report of what goes wrong at the end of the run, nil if nothing does.
func (s *Session) finding() (*reports.Finding, error) {
	if s.wrong == nil && s.fails {
		p, err := s.file.Play(systems.PlayOptions{Report: true})
		if err != nil {
			return nil, err
		}
		s.wrong = p.Finding
	}
	return s.wrong, nil
}

// source prints the source around what is shown.
func (s *Session) source([]string) error {
	m := &s.moments[s.at]
	if len(m.step.Stack) == 0 && (s.at < len(s.moments)-1 || !s.fails) {
		return fmt.Errorf("no code takes this step")
	}
	return s.tellCode(true)
}
