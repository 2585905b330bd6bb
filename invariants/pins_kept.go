package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func pinsKept() Rule {
	return Rule{
		ID:      "pins-kept",
		Says:    "What the guest holds pinned stays pinned until it unpins it.",
		Applies: "at every operation of a hostile guest but an unpin",
		Source:  "Xen, common/memory.c: guest_remove_page leaves the pin alone since XSA-252",
		Limits:  "guests of at most 64 frames; nothing is said of operations that race, one of which may be an unpin, nor of the end of the guest",
		Goal:    "an operation other than an unpin is about a pinned frame",
		Machine: UnderHypervisor,
		Tell:    tellPins,
		guest:   guest{event: eventPins, metAt: (*Recount).touchesPinned, needs: []Means{Pins, AboutFrames}},
	}
}

func eventPins(r *Recount, st *model.Step) (Detail, bool) {
	if st.Op == model.OpUnpin || r.racing || r.s.Dying() {
		return Detail{}, true
	}
	if gone := r.pins &^ pins(r.s); gone != 0 {
		return about(lowest(gone)), false
	}
	return Detail{}, true
}

// touchesPinned reports whether an operation other than an unpin is about a pinned frame.
func (r *Recount) touchesPinned(s *model.Step) bool {
	return s.Op != model.OpUnpin && s.Frame >= 0 && s.Frame < 64 && r.pins>>uint(s.Frame)&1 != 0 && !r.racing && !r.s.Dying()
}

func tellPins(v *Violation) string {
	return fmt.Sprintf("%s was pinned; after an operation that is no unpin it is %s", v.name(v.frame), v.record(v.frame))
}
