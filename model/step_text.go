package model

import (
	"fmt"
	"strings"
)

// Fields are fields of a [Step], by bit. Those that every step has are not among them.
type Fields uint16

// The fields.
const (
	FieldErrno Fields = 1 << iota
	FieldLevel
	FieldVA
	FieldFrame
	FieldOff
	FieldWidth
	FieldValue
	FieldHook
	FieldAll
	FieldCmd
)

// Names writes frames and entries as a report has them.
type Names interface {
	FrameName(Frame) string
	EntryText(Entry) string
}

// word is a word that stands for a field in an operation's Text.
type word struct {
	text  string
	field Fields
	of    func(s *Step, l *Layout, n Names) string
}

// words are all of them. It is never written to.
var words = [...]word{
	{"frame", FieldFrame, func(s *Step, _ *Layout, n Names) string { return n.FrameName(s.Frame) }},
	{"source", FieldValue, func(s *Step, l *Layout, n Names) string { return n.FrameName(l.Map.Frame(MFN(s.Value))) }},
	{"offset", FieldOff, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprintf("%#x", s.Off) }},
	{"slot", FieldOff, func(s *Step, l *Layout, _ Names) string { return fmt.Sprint(s.Off / l.Geo.Width) }},
	{"width", FieldWidth, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprint(s.Width) }},
	{"address", FieldVA, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprintf("%#x", uint64(s.VA)) }},
	{"entry", FieldValue, func(s *Step, _ *Layout, n Names) string { return n.EntryText(Entry(s.Value)) }},
	{"bits", FieldValue, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprintf("%#x", s.Value) }},
	{"count", FieldValue, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprint(s.Value) }},
	{"level", FieldLevel, func(s *Step, _ *Layout, _ Names) string { return fmt.Sprint(s.Level) }},
	{"hook", FieldHook, func(s *Step, _ *Layout, _ Names) string { return s.Hook.String() }},
}

// Text says in a line what a step did.
func (s *Step) Text(l *Layout, n Names) string {
	text := strings.TrimSpace(s.Op.String() + " " + s.Op.Row().Text)
	for _, w := range words {
		if in := "{" + w.text + "}"; strings.Contains(text, in) {
			text = strings.ReplaceAll(text, in, w.of(s, l, n))
		}
	}
	if s.All {
		text += " on all processors"
	}
	return text
}

// Uses are the fields that mean something in a step of this kind.
func (o Op) Uses() Fields {
	row := o.Row()
	set := row.Unsaid
	if o.Refusable() {
		set |= FieldErrno
	}
	for _, w := range words {
		if strings.Contains(row.Text, "{"+w.text+"}") {
			set |= w.field
		}
	}
	return set
}
