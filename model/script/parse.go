package script

import (
	"bytes"
	"fmt"
	"strings"
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

// Errors are all mistakes in a script, in order.
type Errors []*Error

// Error returns all messages, one a line.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse reads a script. The file is complete even when there are mistakes, which
// are returned as [Errors]: an operation with a mistake has no Spec.
func Parse(name string, src []byte) (*File, error) {
	f := &File{Name: name}
	var errs Errors
	for len(src) > 0 {
		line, rest, _ := bytes.Cut(src, []byte("\n"))
		src = rest
		l, err := ParseLine(string(line))
		if err != nil {
			err.File, err.Line = name, len(f.Lines)+1
			errs = append(errs, err)
		}
		f.Lines = append(f.Lines, l)
	}
	if errs != nil {
		return f, errs
	}
	return f, nil
}

// ParseLine reads one line. The error has neither file nor line number.
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
	return l, l.Op.parse(words)
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
		return &Error{Col: o.Col, Msg: fmt.Sprintf("unknown operation %q", o.Name)}
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
