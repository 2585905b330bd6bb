package trial

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// Parse reads a scenario file of boot calls or of a hostile guest. Each operation
// must be possible where it stands, and where the file says what an operation
// answers it must answer that. Errors name file, line and reason.
func Parse(name string, src []byte) (*Trial, error) {
	f, err := script.Parse(name, src)
	if err != nil {
		return nil, err
	}
	return Read(f)
}

// Read is [Parse] for a script.
func Read(f *script.File) (*Trial, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	t := &h.trial
	var answers []system.Answer
	switch h.system {
	case "adversary", "pvdp":
		answers, err = t.readGuest(f, h)
	case hostileSystem:
		answers, err = t.readHostile(f, h)
	default:
		answers, err = t.readBoot(f, h)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		if l := f.Lines[a.Line-1]; l.HasWant && l.Want != a.Text {
			return nil, &AnswerError{Line: a.Line, Name: f.Name, Want: l.Want, Got: a.Text}
		}
	}
	return t, nil
}

// ReadHeader returns the mutant that a script is for and the verdict that it
// expects, nil if it expects none.
func ReadHeader(f *script.File) (mutants.Change, *Verdict, error) {
	h, err := readHeader(f)
	return h.change, h.trial.Expect, err
}

// AnswerError says that an operation answers something else than its line
// expects.
type AnswerError struct {
	Name      string
	Line      int // counted from 1
	Want, Got string
}

// Error implements error.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s:%d: answers %q, want %q", e.Name, e.Line, e.Got, e.Want)
}

// header is what a script says about itself.
type header struct {
	trial  Trial // cannot be run yet
	system string
	change mutants.Change
	mutant int // line of the mutant, counted from 1
}

// readHeader reads the header without carrying anything out.
func readHeader(f *script.File) (h header, err error) {
	h.trial.Name = f.Name
	calls := false
	for i, l := range f.Lines {
		switch {
		case l.Op == nil:
			if l.HasComment && h.system == "" {
				h.trial.About = append(h.trial.About, strings.TrimSpace(l.Comment))
			}
		case calls && system.IsHeader(l.Op):
			return h, errorAt(f, i+1, "%s belongs before the first operation", l.Op.Name)
		default:
			if err := h.line(l.Op); err != nil {
				return h, errorAt(f, i+1, "%v", err)
			}
			if l.Op.Name == "mutant" {
				h.mutant = i + 1
			}
			calls = calls || !isFrame(l.Op)
		}
	}
	if h.system == "" {
		return h, errorAt(f, 1, "no line \"system NAME\": a script for a guest on Xen is no trial")
	}
	if h.change, err = h.trial.change(h.system); err != nil {
		return h, errorAt(f, h.mutant, "%v", err)
	}
	return h, nil
}

func errorAt(f *script.File, line int, format string, args ...any) error {
	return &script.Error{File: f.Name, Line: line, Col: 1, Msg: fmt.Sprintf(format, args...)}
}

// isFrame reports whether an operation sets the frame of a scenario and is none
// of its calls.
func isFrame(op *script.Op) bool {
	return system.IsHeader(op) || op.Name == "system" || op.Name == "scope" || op.Name == "start" || op.Name == "profile" ||
		op.Name == "shape" || op.Name == "memory" || op.Name == "guest"
}

// line reads a header line.
func (h *header) line(op *script.Op) error {
	t := &h.trial
	twice := false
	switch op.Name {
	case "mutant":
		twice, t.Mutant = t.Mutant != "", op.Args[0].Word
	case "system":
		twice, h.system = h.system != "", op.Args[0].Word
	case "expect":
		v, err := ParseVerdict(strings.TrimPrefix(op.String(), "expect "))
		if err != nil {
			return err
		}
		twice, t.Expect = t.Expect != nil, &v
	}
	if twice {
		return fmt.Errorf("%s is there twice", op.Name)
	}
	return nil
}

func (t *Trial) readBoot(f *script.File, h header) ([]system.Answer, error) {
	play, err := system.Run(f, h.change.Apply(system.Options{}))
	if err != nil {
		return nil, err
	}
	lowmem, stale := play.System.Bounds()
	b := newBoot(h.system, h.change, bootScope{}, play.Path)
	var ok bool
	if b.scope, ok = b.world.scopeOf(lowmem, stale, play.System.Inits[play.Init].Name); !ok {
		return nil, fmt.Errorf("trial: %s: the start of day is gone", f.Name)
	}
	t.what = b
	return play.Answers, nil
}

func (t *Trial) readGuest(f *script.File, h header) ([]system.Answer, error) {
	play, err := system.RunAdversary(f, h.change.Judge)
	if err != nil {
		return nil, err
	}
	var ops []system.GuestOp
	for i, l := range f.Lines {
		if l.Op == nil || isFrame(l.Op) {
			continue
		}
		o, err := system.GuestOpOf(l.Op)
		if err != nil {
			return nil, &script.Error{File: f.Name, Line: i + 1, Col: l.Op.Col, Msg: err.Error()}
		}
		ops = append(ops, o)
	}
	a := play.Adversary
	t.what = newGuest(h.system, a.Profile().Name, a.Guest(), h.change, guestScope{a.Frames(), a.Levels(), a.Slots()}, ops)
	return play.Answers, nil
}
