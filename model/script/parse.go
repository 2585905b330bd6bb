package script

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a script.
type Error struct {
	File      string
	Line, Col int // counted from 1
	Msg       string
}

// Error returns the message with its place.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// Errors are the mistakes in a script, in order: the first [MostErrors] of them, and
// then how many more there are.
type Errors []*Error

// MostErrors is how many mistakes are told one by one.
const MostErrors = 20

// Error returns all messages, one a line.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Sizes that a script may have: what is longer is no script.
const (
	MostBytes = 4 << 20
	MostLines = 200_000
)

// check refuses what is no script at all.
func check(name string, src []byte) *Error {
	switch {
	case len(src) > MostBytes:
		return &Error{File: name, Line: 1, Col: 1, Msg: fmt.Sprintf("%d bytes: a script has at most %d", len(src), MostBytes)}
	case bytes.Count(src, []byte("\n")) >= MostLines:
		return &Error{File: name, Line: MostLines, Col: 1, Msg: fmt.Sprintf("too many lines: a script has at most %d", MostLines)}
	case bytes.IndexByte(src, 0) >= 0 || !utf8.Valid(src):
		return &Error{File: name, Line: 1, Col: 1, Msg: "this is no text in UTF-8"}
	}
	return nil
}

// Parse reads a script. The file is complete even when there are mistakes, which
// are returned as [Errors]: an operation with a mistake has no Spec. What is no script at
// all has no lines. A byte order mark at the start is passed over.
func Parse(name string, src []byte) (*File, error) {
	f := &File{Name: name}
	if err := check(name, src); err != nil {
		return f, Errors{err}
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	var errs Errors
	wrong := 0
	for len(src) > 0 {
		line, rest, _ := bytes.Cut(src, []byte("\n"))
		src = rest
		l, err := ParseLine(string(line))
		if err != nil {
			err.File, err.Line = name, len(f.Lines)+1
			if wrong++; wrong <= MostErrors {
				errs = append(errs, err)
			}
		}
		f.Lines = append(f.Lines, l)
	}
	if wrong > MostErrors {
		last := errs[MostErrors-1]
		errs = append(errs, &Error{File: name, Line: last.Line, Col: last.Col, Msg: fmt.Sprintf("and %d more mistakes behind this line", wrong-MostErrors)})
	}
	if errs != nil {
		return f, errs
	}
	return f, nil
}

// quote writes a part of a script for a message, cut where it is long.
func quote(text string) string {
	const most = 40
	if len(text) <= most {
		return strconv.Quote(text)
	}
	cut := most
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "..."
}

// ParseLine reads one line. The error has neither file nor line number. A mistake that
// is expected to be answered "syntax" is there on purpose, and no error.
func ParseLine(raw string) (Line, *Error) {
	l := Line{Raw: raw}
	if title, ok := strings.CutPrefix(raw, "t "); ok {
		l.Title, l.IsTitle = strings.TrimRight(title, "\r"), true
		return l, nil
	}
	text, comment, ok := strings.Cut(raw, "#")
	if ok {
		comment = strings.TrimRight(comment, " \t\r")
		if want, ok := strings.CutPrefix(comment, "= "); ok && strings.TrimSpace(text) != "" {
			l.Want, l.HasWant = strings.TrimSpace(want), true
		} else {
			l.Comment, l.HasComment = comment, true
		}
	}
	words := split(text)
	if len(words) == 0 {
		return l, nil
	}
	l.Op = &Op{Name: words[0].text, Col: words[0].col}
	err := l.Op.parse(words)
	if l.HasWant && l.Want == "syntax" {
		return l, nil
	}
	return l, err
}

// word is a blank-separated part of a line.
type word struct {
	text string
	col  int
}

func split(text string) []word {
	var words []word
	for i := 0; i < len(text); {
		if isBlank(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && !isBlank(text[i]) {
			i++
		}
		words = append(words, word{text[start:i], start + 1})
	}
	return words
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// parse reads the operands and sets Spec if all is well.
func (o *Op) parse(words []word) *Error {
	spec := Lookup(o.Name)
	if spec == nil {
		return &Error{Col: o.Col, Msg: "unknown operation " + quote(o.Name)}
	}
	words = words[1:]
	if !spec.fits(len(words)) {
		return &Error{Col: o.Col, Msg: fmt.Sprintf("%s takes %s, not %d: %s, such as %q", o.Name, spec.count(), len(words), spec.Syntax(), spec.Example)}
	}
	for n, w := range words {
		kind, _ := spec.kind(n)
		a, err := parseArg(kind, w)
		if err != nil {
			return err
		}
		o.Args = append(o.Args, a)
	}
	o.Spec = spec
	return nil
}

// count says how many operands an operation takes.
func (s *Spec) count() string {
	switch n := len(s.Args); {
	case s.Repeat > 0:
		return fmt.Sprintf("%d operands or %d, %d, ...", n, n+s.Repeat, n+2*s.Repeat)
	case n == 1:
		return "1 operand"
	default:
		return fmt.Sprintf("%d operands", n)
	}
}
