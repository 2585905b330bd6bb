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
		Limits:  "nothing is said of operations that race, one of which may be an unpin, nor of the end of the guest",
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
	gone := model.NoFrame
	for f := range r.s.Records {
		if pinned(r.was, f) && !pinned(r.s, f) && (gone == model.NoFrame || f < gone) {
			gone = f
		}
	}
	return about(gone), gone == model.NoFrame
}

// touchesPinned reports whether an operation other than an unpin is about a pinned frame.
func (r *Recount) touchesPinned(s *model.Step) bool {
	return s.Op != model.OpUnpin && s.Frame >= 0 && pinned(r.was, s.Frame) && !r.racing && !r.s.Dying()
}

func tellPins(v *Violation) string {
	return fmt.Sprintf("%s was pinned; after an operation that is no unpin it is %s", v.name(v.frame), v.record(v.frame))
}
