package lab

import (
	"errors"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
)

const (
	name   = "script" // of the system
	bits64 = 64       // of the guest, if nothing else is said
)

// comment32 is the first line of scripts for a 32-bit guest that say so in the old way.
const comment32 = "# 32 bits"

var errNothing = errors.New("no operation: nothing would be run")

// system is the system of scripts of hypercalls. It implements [systems.System].
type system struct{}

// System is the system of scripts of hypercalls. It is only replayed.
func System() systems.System { return system{} }

// About implements [systems.System].
func (system) About() systems.About {
	return systems.About{Name: name, Says: "a script of hypercalls for a guest on Xen", Hostile: true, Unnamed: true}
}

// Settings implements [systems.System]: they are for [Scenario.Adjust].
func (system) Settings() []systems.Setting {
	profile := systems.ProfileSetting()
	profile.Says = "scripts of hypercalls: hypervisor rules (default: as the script says, else xen-4.17)"
	return []systems.Setting{
		{Name: "bits", Says: "scripts of hypercalls: bits of the guest (default: as the script or its recording says, else 64)",
			Kind: systems.Word, Words: []string{"32", "64"}},
		profile,
	}
}

// Searches implements [systems.System]: there are none.
func (system) Searches(systems.Values, systems.Change) ([]*systems.Search, error) { return nil, nil }

// Read implements [systems.System]. A line that is no operation of the executor is
// refused, unless it is known what the executor answers: from a recording, or because
// the line expects "syntax".
func (system) Read(f *script.File, c systems.Change) (systems.Scenario, error) {
	first := systems.Line{File: f.Name, No: 1, Col: 1}
	if err := attack.Plantable(c); err != nil {
		return nil, first.Errorf("%v", err)
	}
	s := &Scenario{config: Config{Bits: BitsOf(f.Recording)}, change: c, said: map[string]bool{}, live: &sync.Map{}}
	if len(f.Lines) > 0 && strings.TrimRight(f.Lines[0].Raw, "\r") == comment32 {
		s.config.Bits, s.said["guest"] = 32, true
	}
	h := header{s: s, said: map[string]bool{}}
	for i := range f.Lines {
		l := line{f.Lines[i], i + 1}
		s.config.Script += len(l.Raw) + 1
		s.lines = append(s.lines, l)
		if l.Op == nil {
			continue
		}
		if err := h.line(&l, systems.LineOf(f, i), f.Recording != nil); err != nil {
			return nil, err
		}
	}
	if !h.begun {
		return nil, first.Errorf("%v", errNothing)
	}
	return s, nil
}

// header reads what a script says of its guest, and looks for what does not belong
// into a script.
type header struct {
	s     *Scenario
	said  map[string]bool
	begun bool // there has been an operation
}

// line looks at a line that is not empty. recorded says that what the executor answers
// to it is known.
func (h *header) line(l *line, at systems.Line, recorded bool) error {
	if systems.Describes(l.Op) {
		return nil
	}
	if l.header() != "" {
		switch {
		case h.begun:
			return at.Errorf("%s comes after the first operation", l.Op.Name)
		case h.said[l.Op.Name]:
			return at.Errorf("%s is there twice", l.Op.Name)
		}
		h.said[l.Op.Name] = true
		return h.describes(l.Op, at)
	}
	h.begun = true
	known := l.Op.Spec != nil && executorOf(l.Op.Name) != nil
	if known || recorded || l.HasWant && l.Want == "syntax" {
		return nil
	}
	if _, mistake := script.ParseLine(l.Raw); mistake != nil {
		at.Col = mistake.Col
		return at.Errorf("%s", mistake.Msg)
	}
	return at.Errorf("%s is no operation of a script of hypercalls: want a line \"system NAME\" above it", l.Op.Name)
}

// describes takes in a line about the guest.
func (h *header) describes(op *script.Op, at systems.Line) error {
	switch op.Name {
	case "guest":
		bits, ok := map[string]int{"32": 32, "64": 64}[op.Args[0].Word]
		if !ok {
			return at.Errorf("no guest is named %q; there are 32 and 64", op.Args[0].Word)
		}
		if h.s.said["guest"] && bits != h.s.config.Bits {
			return at.Errorf("guest %d: the first line says %d bits", bits, h.s.config.Bits)
		}
		h.s.config.Bits, h.s.said["guest"] = bits, true
		return nil
	case "profile":
		p := systems.FindProfile(op.Args[0].Word)
		if p == nil {
			return at.Errorf("no rules are named %q; there are %s", op.Args[0].Word, strings.Join(systems.ProfileNames(), ", "))
		}
		h.s.config.Profile, h.s.said["profile"] = p, true
		return nil
	}
	return at.Errorf("%s means nothing to a script of hypercalls: want a line \"system NAME\" above it", op.Name)
}
