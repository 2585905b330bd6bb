package invariants

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Namer names frames and entries, as the report does that a violation goes into.
type Namer interface {
	FrameName(f model.Frame) string
	EntryText(e model.Entry) string
}

// Violation is a broken rule, with what its words are made of.
type Violation struct {
	Rule *Rule
	Detail
	// State is the state in which the rule was found broken.
	State *model.State
	// Step is the step that broke it, nil where states are judged.
	Step *model.Step
	Namer
}

// Text says in words what is wrong: the rule's own if it has some, else what the
// detail points at.
func (v *Violation) Text() string {
	if v.Rule.Tell != nil {
		return v.Rule.Tell(v)
	}
	return v.parts()
}

// parts says what the detail points at, one part after the other.
func (v *Violation) parts() string {
	var out []string
	say := func(is part, format string, args ...any) {
		if v.has&is != 0 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	if v.why != "" {
		out = append(out, v.why)
	}
	say(partCPU, "processor %d", v.cpu)
	say(partAddress, "address %s", v.page())
	if v.has&partFrame != 0 {
		say(partFrame, "frame %s", v.name(v.frame))
	}
	say(partWantFrame, "it should be %s", v.name(v.wantFrame))
	if v.has&partEntry != 0 {
		out = append(out, v.entry())
	}
	say(partWas, "it was %s", v.EntryText(v.was))
	if v.has&partWant != 0 {
		out = append(out, v.amiss())
	}
	say(partBetween, "for a moment it was %s", v.EntryText(v.between))
	say(partAsked, "it was to become %s", v.EntryText(v.asked))
	say(partCounts, "there are %d, there should be %d", v.count, v.wantCount)
	say(partTypes, "it is %v and %v", v.types[0], v.types[1])
	say(partWord, "%#x", v.word)
	say(partRefused, "%v was refused", v.refused)
	return strings.Join(out, "; ")
}

// name is the name of a frame.
func (v *Violation) name(f model.Frame) string {
	if f == model.NoFrame {
		return "no frame of the guest's"
	}
	return v.FrameName(f)
}

// page is the address concerned.
func (v *Violation) page() string { return fmt.Sprintf("%#x", uint64(v.address)) }

// slotName is the place of the entry concerned, such as "f2[3]".
func (v *Violation) slotName() string { return fmt.Sprintf("%s[%d]", v.name(v.table), v.slot) }

// entry is the entry concerned, such as "entry f2[3] is f1:PW".
func (v *Violation) entry() string {
	return fmt.Sprintf("entry %s is %s", v.slotName(), v.EntryText(v.is))
}

// ends says where the walk of the address ends: in which entry, if it lies in the model.
func (v *Violation) ends() string {
	if v.has&partEntry == 0 {
		return "the tables lead out of the model"
	}
	return v.entry()
}

// leads says where the tables in use lead for the address concerned.
func (v *Violation) leads() string {
	to, ok := resolve(v.State, v.State.Active(), v.State.CPU.CR3, v.address)
	switch {
	case !ok:
		return "is not mapped"
	case to.frame < 0:
		return "leads to no frame of the guest's"
	}
	return "leads to " + v.name(to.frame)
}

// amiss says what the entry concerned lacks and has too much of, next to the one that
// is wanted.
func (v *Violation) amiss() string {
	if !v.is.Is(model.Present) && v.want.Is(model.Present) {
		return "nothing is mapped there; want " + v.EntryText(v.want)
	}
	var out []string
	if v.care&model.FrameMask != 0 && v.is.MFN() != v.want.MFN() {
		out = append(out, "must name "+v.target(v.want))
	}
	if lost := v.want &^ v.is & v.care; lost.Flags() != 0 {
		out = append(out, "lacks "+flags(lost))
	}
	if more := v.is &^ v.want & v.care; more.Flags() != 0 {
		out = append(out, "must not have "+flags(more))
	}
	return "it " + strings.Join(out, " and ")
}

// target names the frame of an entry as the namer does that writes entries.
func (v *Violation) target(e model.Entry) string {
	to, _, _ := strings.Cut(v.EntryText(e|model.Present), ":")
	return to
}

// flags are the letters of flags.
func flags(e model.Entry) string { return string(model.AppendFlags(nil, e.Flags())) }

// uses is what memory, pins and registers make of a frame.
func (v *Violation) uses(f model.Frame) model.Tally {
	var c model.Census
	c.Take(v.State)
	return c.Tallies[f]
}

// record is what the hypervisor has a frame as, such as "L1 x1 pinned".
func (v *Violation) record(f model.Frame) string {
	if f < 0 {
		return "no frame of the guest's"
	}
	return v.State.InfoAt(f).String()
}

// to is the frame that the entry concerned names.
func (v *Violation) to() model.Frame { return v.State.L.Map.Frame(v.State.L.Names(v.is)) }
