package attack

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
)

// Header takes in the lines of a scenario file that say where a guest starts.
type Header struct {
	// Bounds are the lines "scope NAME NUMBER" that there may be.
	Bounds []Bound
	// Profiles are the hypervisor's rules that a line "profile" may name; the first
	// hold if there is none.
	Profiles []*model.Profile
	// More takes in further lines, by the name of the operation. They may be there
	// more than once.
	More map[string]func(op *script.Op, at systems.Line) error

	profile *model.Profile
	guest   model.GuestKind
	lines   []headline
	said    map[string]bool
}

// Bound is a number in a scenario file.
type Bound struct {
	Name     string
	Min, Max int
	Take     func(n int)
	// Repeats says that there may be several lines, Needed that there must be one.
	Repeats, Needed bool
}

// headline is a line that describes a scenario.
type headline struct {
	at   systems.Line
	text string
}

// Profile are the hypervisor's rules.
func (h *Header) Profile() *model.Profile {
	if h.profile == nil {
		return h.Profiles[0]
	}
	return h.profile
}

// Guest is the kind of guest.
func (h *Header) Guest() model.GuestKind { return h.guest }

// end is the last line, for what is wrong with all of them together.
func (h *Header) end(f *script.File) systems.Line {
	if n := len(h.lines); n > 0 {
		return h.lines[n-1].at
	}
	return systems.Line{File: f.Name, No: 1, Col: 1}
}

// line takes in a line.
func (h *Header) line(op *script.Op, at systems.Line) error {
	h.lines = append(h.lines, headline{at, op.String()})
	if more := h.More[op.Name]; more != nil {
		return more(op, at)
	}
	switch op.Name {
	case "system":
		return nil
	case "profile":
		if err := h.once("profile", at); err != nil {
			return err
		}
		return h.readProfile(op.Args[0].Word, at)
	case "guest":
		if err := h.once("guest", at); err != nil {
			return err
		}
		return h.readGuest(op.Args[0].Word, at)
	case "scope":
		return h.bound(op, at)
	}
	return at.Errorf("%s means nothing to a hostile guest", op.Name)
}

func (h *Header) once(what string, at systems.Line) error {
	if h.said == nil {
		h.said = map[string]bool{}
	}
	if h.said[what] {
		return at.Errorf("%s is there twice", what)
	}
	h.said[what] = true
	return nil
}

func (h *Header) readProfile(name string, at systems.Line) error {
	var names []string
	for _, p := range h.Profiles {
		if p.Name == name {
			h.profile = p
			return nil
		}
		names = append(names, p.Name)
	}
	return at.Errorf("no rules are named %q; there are %s", name, strings.Join(names, ", "))
}

func (h *Header) readGuest(name string, at systems.Line) (err error) {
	if h.guest, err = model.ParseGuestKind(name); err != nil {
		return at.Errorf("%v", err)
	}
	return nil
}

func (h *Header) bound(op *script.Op, at systems.Line) error {
	var names []string
	for i := range h.Bounds {
		b := &h.Bounds[i]
		names = append(names, b.Name)
		if b.Name != op.Args[0].Word {
			continue
		}
		if !b.Repeats {
			if err := h.once("scope "+b.Name, at); err != nil {
				return err
			}
		}
		if n := op.Args[1].Num; n < uint64(b.Min) || n > uint64(b.Max) {
			return at.Errorf("scope %s %d: want %d to %d", b.Name, n, b.Min, b.Max)
		}
		b.Take(int(op.Args[1].Num))
		return nil
	}
	return at.Errorf("no bound is named %q; there are %s", op.Args[0].Word, strings.Join(names, ", "))
}

// complete reports what is missing.
func (h *Header) complete() error {
	for i := range h.Bounds {
		if b := &h.Bounds[i]; b.Needed && !h.said["scope "+b.Name] {
			return fmt.Errorf("no line \"scope %s NUMBER\"", b.Name)
		}
	}
	return nil
}
