package all

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// Play is a scenario of boot calls that has been run.
type Play struct {
	Answers []systems.Answer
	// System, Init and Path are what was run, for [System.Explain], when the
	// last call went wrong.
	System *kernel.System
	Init   int
	Path   []kernel.Call
	Failed bool
}

// Run makes the boot calls of a script one after the other, with the given
// change to the kernel. It stops at the first call that goes wrong. An error
// names file, line and column.
func Run(f *script.File, o kernel.Options) (*Play, error) {
	p := &player{play: &Play{}, options: o, file: f}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil || systems.IsHeader(op) {
			continue
		}
		if p.play.Failed {
			return nil, &systems.EarlyError{Err: p.errorf(i, "a call has gone wrong before this one")}
		}
		if p.stopped {
			return nil, p.errorf(i, "the kernel has stopped before this call, because of a refusal")
		}
		answer, err := p.do(i, op)
		if err != nil {
			return nil, err
		}
		p.play.Answers = append(p.play.Answers, systems.Answer{Line: i + 1, Text: answer})
	}
	if p.model == nil {
		return nil, fmt.Errorf("%s: no start of day: want a line \"start NAME\"", f.Name)
	}
	p.play.System = p.sys
	return p.play, nil
}

type player struct {
	play    *Play
	options kernel.Options
	file    *script.File
	name    string
	sys     *kernel.System
	model   *kernel.Model
	stopped bool // the kernel has stopped, as it must after a refusal
}

func (p *player) errorf(line int, format string, args ...any) error {
	return &script.Error{File: p.file.Name, Line: line + 1, Col: p.file.Lines[line].Op.Col, Msg: fmt.Sprintf(format, args...)}
}

func (p *player) do(line int, op *script.Op) (string, error) {
	switch {
	case systems.IsHeader(op):
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
		case "budget":
			p.options.Budget = n
		default:
			return "", p.errorf(line, "no bound is named %q; there are lowmem, stale and budget", op.Args[0].Word)
		}
		return "ok", nil
	case op.Name == "start":
		return p.start(line, op.Args[0].Word)
	case p.model == nil:
		return "", p.errorf(line, "%s comes before the line \"start NAME\"", op.Name)
	}
	text := strings.TrimSpace(string(op.Append(nil)))
	call, err := kernel.ParseCall(text)
	if err != nil {
		return "", p.errorf(line, "%v", err)
	}
	return p.call(line, call)
}

func (p *player) start(line int, name string) (string, error) {
	if p.name == "" {
		return "", p.errorf(line, "the line \"system NAME\" must come first")
	}
	if n, ok := boot.OddNumber(name); ok {
		p.options.Odd = []int{n}
	}
	if drawn.IsName(name) {
		p.options.Drawn = []string{name}
	}
	for _, l := range p.file.Lines {
		if l.Op == nil || l.Op.Name != "both" {
			continue
		}
		if c, err := kernel.ParseCall(l.Op.String()); err == nil {
			p.options.Preemptions = max(p.options.Preemptions, c.Preemptions())
		}
	}
	sys, err := New(p.name, p.options)
	if err != nil {
		return "", p.errorf(line, "%v", err)
	}
	p.play.Init = slices.IndexFunc(sys.Inits, func(i kernel.Init) bool { return i.Name == name })
	if p.play.Init < 0 {
		return "", p.errorf(line, "system %s has no start of day named %q%s", p.name, name, names.DidYouMean(name, sys.StartNames()))
	}
	p.sys, p.model = sys, sys.NewModel()
	p.model.Init(p.play.Init)
	return p.answer(p.model.CheckInit()), nil
}

func (p *player) call(line int, c kernel.Call) (string, error) {
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
		return "violated " + p.sys.Rules()[o.Rule].ID
	case explore.Crashed:
		return "crashed " + p.model.Crash().Error()
	}
	return "ok"
}
