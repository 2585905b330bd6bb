package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// Scenario writes a path as a scenario file: one that Play runs again.
func (s *System) Scenario(init int, path []Call, headline string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nsystem %s\n", headline, s.Name)
	if s.lowmem != 0 {
		fmt.Fprintf(&b, "scope lowmem %d\n", s.lowmem)
	}
	if s.stale != 0 {
		fmt.Fprintf(&b, "scope stale %d\n", s.stale)
	}
	fmt.Fprintf(&b, "start %s\n", s.Inits[init].Name)
	for _, c := range path {
		fmt.Fprintf(&b, "%v\n", c)
	}
	return []byte(b.String())
}

// Answer is what one operation of a scenario came to.
type Answer struct {
	Line int // counted from 1
	Text string
}

// Play is a scenario of boot calls that has been run.
type Play struct {
	Answers []Answer
	// System, Init and Path are what was run, for [System.Explain], when the
	// last call went wrong.
	System *System
	Init   int
	Path   []Call
	Failed bool
}

// IsBoot reports whether a script holds boot calls.
func IsBoot(f *script.File) bool {
	return slices.ContainsFunc(f.Lines, func(l script.Line) bool { return l.Op != nil && l.Op.Name == "system" })
}

// EarlyError says that a scenario goes wrong before its last operation.
type EarlyError struct{ error }

// IsHeader reports whether an operation only says something about its file: which
// mutant it is for, how it must end.
func IsHeader(op *script.Op) bool { return op.Name == "mutant" || op.Name == "expect" }

// Bounds are the bounds of low memory and of stale leaves that the system was
// asked for, 0 if none.
func (s *System) Bounds() (lowmem, stale int) { return s.lowmem, s.stale }

// Run makes the boot calls of a script one after the other, with the given
// change to the kernel. It stops at the first call that goes wrong. An error
// names file, line and column.
func Run(f *script.File, o Options) (*Play, error) {
	p := &player{play: &Play{}, options: o, file: f}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil || IsHeader(op) {
			continue
		}
		if p.play.Failed {
			return nil, &EarlyError{p.errorf(i, "a call has gone wrong before this one")}
		}
		if p.stopped {
			return nil, p.errorf(i, "the kernel has stopped before this call, because of a refusal")
		}
		answer, err := p.do(i, op)
		if err != nil {
			return nil, err
		}
		p.play.Answers = append(p.play.Answers, Answer{Line: i + 1, Text: answer})
	}
	if p.model == nil {
		return nil, fmt.Errorf("%s: no start of day: want a line \"start NAME\"", f.Name)
	}
	p.play.System = p.sys
	return p.play, nil
}

type player struct {
	play    *Play
	options Options
	file    *script.File
	name    string
	sys     *System
	model   *Model
	stopped bool // the kernel has stopped, as it must after a refusal
}

func (p *player) errorf(line int, format string, args ...any) error {
	return &script.Error{File: p.file.Name, Line: line + 1, Col: p.file.Lines[line].Op.Col, Msg: fmt.Sprintf(format, args...)}
}

func (p *player) do(line int, op *script.Op) (string, error) {
	switch {
	case IsHeader(op):
		return "ok", nil
	case op.Name == "system":
		p.name = op.Args[0].Word
		if !slices.Contains(Names(), p.name) {
			return "", p.errorf(line, "no system is named %q; there are %v%s", p.name, Names(), names.DidYouMean(p.name, Names()))
		}
		return "ok", nil
	case op.Name == "scope":
		n := int(min(op.Args[1].Num, 1<<20))
		switch op.Args[0].Word {
		case "lowmem":
			p.options.Lowmem = n
		case "stale":
			p.options.Stale = n
		default:
			return "", p.errorf(line, "no bound is named %q; there are lowmem and stale", op.Args[0].Word)
		}
		return "ok", nil
	case op.Name == "start":
		return p.start(line, op.Args[0].Word)
	case p.model == nil:
		return "", p.errorf(line, "%s comes before the line \"start NAME\"", op.Name)
	}
	text := strings.TrimSpace(string(op.Append(nil)))
	call, err := ParseCall(text)
	if err != nil {
		return "", p.errorf(line, "%v", err)
	}
	return p.call(line, call)
}

func (p *player) start(line int, name string) (string, error) {
	if p.name == "" {
		return "", p.errorf(line, "the line \"system NAME\" must come first")
	}
	if n, ok := OddNumber(name); ok {
		p.options.Odd = []int{n}
	}
	if drawn.IsName(name) {
		p.options.Drawn = []string{name}
	}
	for _, l := range p.file.Lines {
		if l.Op == nil || l.Op.Name != "both" {
			continue
		}
		if c, err := ParseCall(l.Op.String()); err == nil {
			p.options.Preemptions = max(p.options.Preemptions, c.Preemptions())
		}
	}
	sys, err := New(p.name, p.options)
	if err != nil {
		return "", p.errorf(line, "%v", err)
	}
	p.play.Init = slices.IndexFunc(sys.Inits, func(i Init) bool { return i.Name == name })
	if p.play.Init < 0 {
		return "", p.errorf(line, "system %s has no start of day named %q%s", p.name, name, names.DidYouMean(name, sys.startNames()))
	}
	p.sys, p.model = sys, sys.NewModel()
	p.model.Init(p.play.Init)
	return p.answer(p.model.CheckInit()), nil
}

func (p *player) call(line int, c Call) (string, error) {
	if !p.model.Allows(c) {
		return "", p.errorf(line, "the protocol does not allow %q here", c)
	}
	p.play.Path = append(p.play.Path, c)
	return p.answer(p.model.Apply(c.Code())), nil
}

// answer is the outcome of a call as the language writes it.
func (p *player) answer(o explore.Outcome) string {
	p.stopped = o.Kind == explore.Skipped
	p.play.Failed = o.Kind == explore.Violated || o.Kind == explore.Crashed
	switch o.Kind {
	case explore.Skipped:
		return "stopped"
	case explore.Violated:
		return "violated " + p.sys.rules[o.Rule].ID
	case explore.Crashed:
		return "crashed " + p.model.last.Error()
	}
	return "ok"
}
