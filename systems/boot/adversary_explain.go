package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// OpText writes an operation of an adversary in the language of scenario files.
func (m *AdversaryModel) OpText(code uint64) string {
	op, f, arg := int(code>>24), code>>16&0xff, code>>8&0xff
	switch op {
	case opMMU, opRaw:
		return fmt.Sprintf("%s f%d %d %s", opNames[op], f, arg, entryText(m.s.L, m.values[code&0xff]))
	case opPin:
		return fmt.Sprintf("pin %d f%d", arg, f)
	case opCopy:
		return fmt.Sprintf("copy f%d f%d", f, arg)
	}
	return fmt.Sprintf("%s f%d", opNames[op], f)
}

// adversaryRule is one of the adversary's rules with its texts.
func adversaryRule(n int) invariants.Rule {
	r, _ := invariants.Find(AdversaryRules()[n])
	return r
}

// Explain runs a path again and reports how it ends.
func (a *Adversary) Explain(path []uint64, rule int) (*reports.Finding, error) {
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	m.Init(0)
	log := newAdversaryLog(m)
	for i, c := range path {
		rc, ok := m.issue(c)
		if changed := m.s.Changed() || m.s.CPU != m.cpu; !ok || rc != model.OK && !changed {
			return nil, fmt.Errorf("system: %s: the path ends early, at operation %d", a.Name, i+1)
		}
		log.issued(c, rc)
		m.save()
	}
	if o := m.CheckState(); o.Kind != explore.Violated || int(o.Rule) != rule {
		return nil, fmt.Errorf("system: %s: the path breaks nothing", a.Name)
	}
	return log.conclude(rule), nil
}

// Scenario writes a path as a scenario file.
func (a *Adversary) Scenario(path []uint64, headline string) ([]byte, error) {
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nsystem %s\nprofile %s\nscope frames %d\nscope levels %d\nscope slots %d\n",
		headline, a.Name, a.profile.Name, a.frames, a.levels, a.slots)
	if a.guest != model.AnyGuest {
		fmt.Fprintf(&b, "guest %v\n", a.guest)
	}
	for _, c := range path {
		fmt.Fprintln(&b, m.OpText(c))
	}
	return []byte(b.String()), nil
}

// AdversaryPlay is a scenario of an adversary that has been run.
type AdversaryPlay struct {
	Answers []Answer
	// Finding is what went wrong, nil if nothing did.
	Finding *reports.Finding
	// Adversary is whose operations they were.
	Adversary *Adversary
}

// RunAdversary carries out the operations of a script in the world of an
// adversary, as long as no rule is broken. judge replaces rules of the
// hypervisor.
func RunAdversary(f *script.File, judge model.Mutant) (*AdversaryPlay, error) {
	p := &adversaryPlayer{file: f, judge: judge}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil || IsHeader(op) {
			continue
		}
		if p.play.Finding != nil {
			return nil, &EarlyError{p.errorf(i, "a rule is broken before this operation")}
		}
		answer, err := p.do(i, op)
		if err != nil {
			return nil, err
		}
		p.play.Answers = append(p.play.Answers, Answer{Line: i + 1, Text: answer})
	}
	if p.m == nil {
		if err := p.open(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	p.play.Adversary = p.a
	return &p.play, nil
}

type adversaryPlayer struct {
	play    AdversaryPlay
	file    *script.File
	judge   model.Mutant
	name    string
	options AdversaryOptions
	a       *Adversary
	m       *AdversaryModel
	log     *adversaryLog
}

func (p *adversaryPlayer) errorf(line int, format string, args ...any) error {
	return &script.Error{File: p.file.Name, Line: line + 1, Col: p.file.Lines[line].Op.Col, Msg: fmt.Sprintf(format, args...)}
}

func (p *adversaryPlayer) do(line int, op *script.Op) (string, error) {
	switch op.Name {
	case "mutant", "expect":
		return "ok", nil
	case "system":
		p.name = op.Args[0].Word
		return "ok", nil
	case "profile":
		for _, prof := range append(model.Profiles(), model.Plain()) {
			if prof.Name == op.Args[0].Word {
				p.options.Profile = prof
				return "ok", nil
			}
		}
		return "", p.errorf(line, "no rules are named %q", op.Args[0].Word)
	case "guest":
		var err error
		if p.options.Guest, err = model.ParseGuestKind(op.Args[0].Word); err != nil {
			return "", p.errorf(line, "%v", err)
		}
		return "ok", nil
	case "scope":
		n := int(min(op.Args[1].Num, 1<<20))
		switch op.Args[0].Word {
		case "frames":
			p.options.Frames = n
		case "levels":
			p.options.Levels = n
		case "slots":
			p.options.Slots = n
		default:
			return "", p.errorf(line, "no bound is named %q; there are frames, levels, slots", op.Args[0].Word)
		}
		return "ok", nil
	}
	if p.m == nil {
		if err := p.open(); err != nil {
			return "", p.errorf(line, "%v", err)
		}
	}
	return p.issue(line, op)
}

// open makes the world once its bounds are known.
func (p *adversaryPlayer) open() (err error) {
	if p.options.Profile == nil {
		p.options.Profile = model.Plain()
	}
	p.options.Profile.Mutant = p.judge
	if p.a, err = OpenAdversary(p.name, p.options); err != nil {
		return err
	}
	if p.m, err = p.a.NewModel(); err != nil {
		return err
	}
	p.m.Init(0)
	p.log = newAdversaryLog(p.m)
	return nil
}

// issue carries out one operation and looks at the state that it leads to.
func (p *adversaryPlayer) issue(line int, op *script.Op) (string, error) {
	if p.m.s.Ended() {
		return "", p.errorf(line, "the guest has ended before this operation")
	}
	code, err := p.code(op)
	if err != nil {
		return "", p.errorf(line, "%v", err)
	}
	rc, ok := p.m.issue(code)
	if !ok {
		return "", p.errorf(line, "no writable mapping leads to that frame")
	}
	p.log.issued(code, rc)
	p.m.save()
	o := p.m.CheckState()
	if o.Kind != explore.Violated && p.m.s.Ended() {
		return answerEnded, nil
	}
	if o.Kind != explore.Violated {
		return rc.String(), nil
	}
	p.play.Finding = p.log.conclude(int(o.Rule))
	return rc.String() + ", violated " + p.play.Finding.Rule, nil
}

// code turns an operation into a call code, adding its entry to the values that
// the model knows.
func (p *adversaryPlayer) code(op *script.Op) (uint64, error) {
	i := slices.Index(opNames[:], op.Name)
	if i < 0 {
		return 0, fmt.Errorf("%q is no operation of an adversary", op.Name)
	}
	frame := func(n int) (int, error) {
		f := op.Args[n].Frame
		if f.Class != script.ClassPool || f.N >= uint64(p.a.frames) {
			return 0, fmt.Errorf("operand %d: want a frame f0 to f%d", n+1, p.a.frames-1)
		}
		return int(f.N), nil
	}
	switch i {
	case opMMU, opRaw:
		f, err := frame(0)
		if err != nil {
			return 0, err
		}
		if op.Args[1].Num >= uint64(p.a.slots) {
			return 0, fmt.Errorf("slot %d: want 0 to %d", op.Args[1].Num, p.a.slots-1)
		}
		v, err := p.value(&op.Args[2])
		return opCode(i, f, int(op.Args[1].Num), v), err
	case opPin:
		f, err := frame(1)
		return opCode(i, f, int(min(op.Args[0].Num, 255)), 0), err
	case opCopy:
		f, err := frame(0)
		if err != nil {
			return 0, err
		}
		g, err := frame(1)
		return opCode(i, f, g, 0), err
	}
	f, err := frame(0)
	return opCode(i, f, 0, 0), err
}

// value is the index of an entry among the model's values.
func (p *adversaryPlayer) value(a *script.Arg) (int, error) {
	var e model.Entry
	if a.Frame.Class != script.ClassNone {
		if a.Frame.Class != script.ClassPool || a.Frame.N >= uint64(p.a.frames) {
			return 0, fmt.Errorf("entries name frames f0 to f%d", p.a.frames-1)
		}
		e = model.MakeEntry(model.MFN(a.Frame.N), a.Bits)
	} else if a.Bits != 0 {
		return 0, fmt.Errorf("want an entry such as f3:PW, or 0")
	}
	if i := slices.Index(p.m.values, e); i >= 0 {
		return i, nil
	}
	if len(p.m.values) > 255 {
		return 0, fmt.Errorf("too many different entries")
	}
	p.m.values = append(p.m.values, e)
	return len(p.m.values) - 1, nil
}
