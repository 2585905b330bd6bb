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
		{Name: "guest", Says: "scripts of hypercalls: kind of domain (default: as the script says, else dom0)", Kind: systems.Word, Words: GuestNames()},
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
	s := &Scenario{change: c, live: &sync.Map{}}
	s.config, s.said = about(f)
	h := header{s: s, guest: guestLines{c: &s.config, said: &s.said}}
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
	guest guestLines
	begun bool // there has been an operation
}

// line looks at a line that is not empty. recorded says that what the executor answers
// to it is known.
func (h *header) line(l *line, at systems.Line, recorded bool) error {
	if systems.Describes(l.Op) {
		return nil
	}
	if l.header() != "" {
		if h.begun {
			return at.Errorf("%s comes after the first operation", l.Op.Name)
		}
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
		return h.guest.line(op.Args[0].Word, at)
	case "profile":
		p := systems.FindProfile(op.Args[0].Word)
		switch {
		case h.s.said.profile:
			return at.Errorf("profile is there twice")
		case p == nil:
			return at.Errorf("no rules are named %q; there are %s", op.Args[0].Word, strings.Join(systems.ProfileNames(), ", "))
		}
		h.s.config.Profile, h.s.said.profile = p, true
		return nil
	}
	return at.Errorf("%s means nothing to a script of hypercalls: want a line \"system NAME\" above it", op.Name)
}
