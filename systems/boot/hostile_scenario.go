package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
)

// Scenario writes a path as a scenario file.
func (h *Hostile) Scenario(path []uint64, headline string) []byte {
	m, err := h.NewModel()
	if err != nil {
		return nil // one could be made before
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nsystem %s\nprofile %s\nshape %s\nscope frames %d\n",
		headline, h.Name, h.o.Profile.Name, strings.Trim(fmt.Sprint(h.o.Slots), "[]"), h.o.Frames)
	for _, is := range [...]struct {
		set  bool
		name string
	}{{h.o.PAE, "pae"}, {h.o.Wide, "wide"}, {h.o.StaleTLB, "stale"}, {h.o.AccessBits, "access"}, {h.o.XenSlots, "slots"},
		{len(h.o.Stopped) > 0, "race"}} {
		if is.set {
			fmt.Fprintf(&b, "scope %s 1\n", is.name)
		}
	}
	if h.o.Guest != model.AnyGuest {
		fmt.Fprintf(&b, "guest %v\n", h.o.Guest)
	}
	for _, kind := range h.o.Extra {
		fmt.Fprintf(&b, "scope extra %d\n", kind)
	}
	for _, line := range h.o.Memory {
		fmt.Fprintf(&b, "memory %s\n", line)
	}
	for _, c := range path {
		if c>>raceBit == 0 {
			fmt.Fprintln(&b, h.OpText(c))
			continue
		}
		fmt.Fprintf(&b, "stop %d\n%s\n", c>>racePlace&0x7f, h.OpText(c&0xffff_ffff))
		for _, o := range m.beside[c>>raceOther&0xff_ffff] {
			fmt.Fprintln(&b, h.OpText(o))
		}
		b.WriteString("go\n")
	}
	return []byte(b.String())
}

// RunHostile carries out the operations of a script in the world of a hostile
// guest, as long as no rule is broken. judge replaces rules of the hypervisor.
func RunHostile(f *script.File, judge model.Mutant) (*AdversaryPlay, error) {
	p := &hostilePlayer{file: f, judge: judge}
	for i := range f.Lines {
		op := f.Lines[i].Op
		if op == nil || IsHeader(op) {
			continue
		}
		if p.play.Finding != nil {
			return nil, &EarlyError{p.errorf(i, "a rule is broken before this operation")}
		}
		answer, err := p.do(op)
		if err != nil {
			return nil, p.errorf(i, "%v", err)
		}
		p.play.Answers = append(p.play.Answers, Answer{Line: i + 1, Text: answer})
	}
	return &p.play, nil
}

// answerEnded is what an operation answers that the hypervisor ends the guest for. The
// guest never sees it.
const answerEnded = "ended"

type hostilePlayer struct {
	play    AdversaryPlay
	file    *script.File
	judge   model.Mutant
	options HostileOptions
	h       *Hostile
	m       *HostileModel
	log     *hostileLog

	// Of a race: the place, the operation that is stopped, the other processor's.
	place   uint64
	stopped []uint64
}

func (p *hostilePlayer) errorf(line int, format string, args ...any) error {
	return &script.Error{File: p.file.Name, Line: line + 1, Col: p.file.Lines[line].Op.Col, Msg: fmt.Sprintf(format, args...)}
}

func (p *hostilePlayer) do(op *script.Op) (string, error) {
	if known, err := p.describe(op); known || err != nil {
		return "ok", err
	}
	if p.m == nil {
		if err := p.open(); err != nil {
			return "", err
		}
	}
	switch op.Name {
	case "stop":
		if p.m.duo == nil || p.place != 0 || op.Args[0].Num < 1 || op.Args[0].Num > lastPlace {
			return "", fmt.Errorf("a race needs \"scope race 1\", a place from 1 to %d, and no race around it", lastPlace)
		}
		p.place, p.stopped = op.Args[0].Num, p.stopped[:0]
		return "ok", nil
	case "go":
		if len(p.stopped) < 2 {
			return "", fmt.Errorf("a race is \"stop PLACE\", an operation, and those of the other processor")
		}
		code := uint64(1)<<raceBit | p.place<<racePlace | uint64(len(p.m.beside))<<raceOther | p.stopped[0]
		p.m.beside = append(p.m.beside, slices.Clone(p.stopped[1:]))
		p.place = 0
		return p.issue(code)
	}
	code, err := p.code(op)
	if err != nil {
		return "", err
	}
	if p.place != 0 {
		p.stopped = append(p.stopped, code)
		return "ok", nil
	}
	return p.issue(code)
}

// describe takes in a line that says what the world is like.
func (p *hostilePlayer) describe(op *script.Op) (known bool, err error) {
	o := &p.options
	switch op.Name {
	case "system":
	case "profile":
		var ok bool
		if o.Profile, ok = model.ProfileNamed(op.Args[0].Word); !ok {
			return true, fmt.Errorf("no rules are named %q", op.Args[0].Word)
		}
	case "guest":
		if o.Guest, err = model.ParseGuestKind(op.Args[0].Word); err != nil {
			return true, err
		}
	case "shape":
		o.Slots = nil
		for _, a := range op.Args {
			o.Slots = append(o.Slots, int(min(a.Num, model.PageSize)))
		}
	case "memory":
		words := strings.SplitN(op.String(), " ", 2)
		o.Memory = append(o.Memory, words[1])
	case "scope":
		n := int(min(op.Args[1].Num, 1<<16))
		switch op.Args[0].Word {
		case "frames":
			o.Frames = n
		case "pae":
			o.PAE = n != 0
		case "wide":
			o.Wide = n != 0
		case "stale":
			o.StaleTLB = n != 0
		case "access":
			o.AccessBits = n != 0
		case "slots":
			o.XenSlots = n != 0
		case "race":
			o.Stopped, o.Beside = []string{"flush"}, []string{"flush"}
		case "extra":
			o.Extra = append(o.Extra, model.ExtraKind(min(n, int(model.Foreign))))
		default:
			return true, fmt.Errorf("no bound is named %q", op.Args[0].Word)
		}
	default:
		return false, nil
	}
	if p.m != nil {
		return true, fmt.Errorf("%s comes after the first operation", op.Name)
	}
	return true, nil
}

// open makes the world once it is described.
func (p *hostilePlayer) open() (err error) {
	if p.options.Profile == nil {
		p.options.Profile = model.Ideal()
	}
	p.options.Profile.Mutant = p.judge
	if p.h, err = NewHostile(p.options); err != nil {
		return err
	}
	if p.m, err = p.h.NewModel(); err == nil {
		p.log = newHostileLog(p.m)
	}
	return err
}

// issue carries out an operation and looks at the state that it leads to.
func (p *hostilePlayer) issue(code uint64) (string, error) {
	ended := p.m.s.Ended()
	if ended && hostileOps[code>>24&0xff].name != "kill" {
		return "", fmt.Errorf("the guest has ended before this operation: it can only be destroyed (kill)")
	}
	o := p.m.Apply(code)
	if code>>raceBit != 0 && o.Kind == explore.Skipped {
		return "", fmt.Errorf("the operation is over before that place")
	}
	rc := p.m.last.String()
	if p.m.s.Ended() && !ended {
		rc = answerEnded
	}
	p.log.issued(p.m.OpText(code))
	p.m.save()
	if o.Kind != explore.Violated {
		o = p.m.CheckState()
	}
	if o.Kind != explore.Violated {
		return rc, nil
	}
	p.play.Finding = p.log.conclude(int(o.Rule))
	return rc + ", violated " + p.play.Finding.Rule, nil
}

// code turns an operation into its code, adding its entry to those that the guest
// knows.
func (p *hostilePlayer) code(op *script.Op) (uint64, error) {
	n := hostileNumber(op.Name)
	if n < 0 {
		return 0, fmt.Errorf("%q is no operation of a hostile guest", op.Name)
	}
	var a [3]int
	for i, kind := range hostileOps[n].args {
		arg := &op.Args[i]
		var err error
		switch kind {
		case anyEntry:
			a[i], err = p.value(arg)
		case anyFrame, otherFrame:
			a[i] = int(arg.Frame.N)
			if arg.Frame.Class != script.ClassPool {
				err = fmt.Errorf("operand %d: want a frame such as f3", i+1)
			}
		default:
			a[i] = int(min(arg.Num, 255))
		}
		if err != nil {
			return 0, err
		}
		if from, to := p.h.bounds(kind); kind != anyPlace && (a[i] < from || a[i] >= to) {
			return 0, fmt.Errorf("operand %d: want %d to %d", i+1, from, to-1)
		}
	}
	return hostileCode(n, a), nil
}

// value is the index of an entry among those that the guest knows.
func (p *hostilePlayer) value(a *script.Arg) (int, error) {
	e := a.Bits
	if a.Frame.Class != script.ClassNone {
		if a.Frame.Class != script.ClassPool || a.Frame.N >= uint64(p.h.o.Frames+len(p.h.o.Extra)) {
			return 0, fmt.Errorf("entries name frames f0 to f%d", p.h.o.Frames+len(p.h.o.Extra)-1)
		}
		e = model.MakeEntry(model.MFN(a.Frame.N), a.Bits)
	}
	if i := slices.Index(p.h.values, e); i >= 0 {
		return i, nil
	}
	if len(p.h.values) > 255 {
		return 0, fmt.Errorf("too many different entries")
	}
	p.h.values = append(p.h.values, e)
	return len(p.h.values) - 1, nil
}
