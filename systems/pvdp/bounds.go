package pvdp

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// Bounds are what a scenario of an adversary starts from: what the guest has and, by
// name, the rules that it is judged by.
type Bounds struct {
	Profile               string
	Frames, Levels, Slots int
	Guest                 model.GuestKind
}

func (a *Guest) bounds() Bounds {
	return Bounds{a.profile.Name, a.frames, a.levels, a.slots, a.guest}
}

// frames describes the bounds in a line.
func (b Bounds) frames() string {
	text := fmt.Sprintf("%d frames, %d levels, %d slots, rules %s", b.Frames, b.Levels, b.Slots, b.Profile)
	if b.Guest != model.AnyGuest {
		text += ", guest " + b.Guest.String()
	}
	return text
}

// has reports whether an operation names only what there is.
func (b Bounds) has(o Op) bool {
	if int(o.Frame) >= b.Frames {
		return false
	}
	switch OperandOf(o.Op) {
	case SlotEntry:
		return int(o.Arg) < b.Slots && o.Entry.MFN() < model.MFN(b.Frames)
	case FrameOf:
		return int(o.Arg) < b.Frames
	}
	return true
}

// Check reports what an operation names that there is not.
func (b Bounds) Check(o Op) error {
	kind := OperandOf(o.Op)
	switch {
	case b.has(o):
		return nil
	case int(o.Frame) >= b.Frames || kind == FrameOf:
		return fmt.Errorf("no such frame: there are f0 to f%d", b.Frames-1)
	case int(o.Arg) >= b.Slots:
		return fmt.Errorf("no such slot: there are 0 to %d", b.Slots-1)
	}
	return fmt.Errorf("entries name frames f0 to f%d", b.Frames-1)
}

// profiles are the rules that an adversary can be judged by: those of a version of the
// hypervisor, or those of the reference model.
func profiles() []*model.Profile { return append([]*model.Profile{model.Plain()}, model.Profiles()...) }

// options are the bounds as options, with a change planted in the hypervisor.
func (b Bounds) options(c systems.Change) (Options, error) {
	for _, p := range profiles() {
		if p.Name == b.Profile {
			return Options{Frames: b.Frames, Levels: b.Levels, Slots: b.Slots, Profile: c.Judge(p), Guest: b.Guest}, nil
		}
	}
	return Options{}, fmt.Errorf("no rules are named %q", b.Profile)
}
