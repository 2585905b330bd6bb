package invariants

import "github.com/ptcheck/ptcheck/model"

func pinsKept() Rule {
	return Rule{
		ID:      "pins-kept",
		Says:    "What the guest holds pinned stays pinned until it unpins it.",
		Applies: "at every operation of a hostile guest but an unpin",
		Source:  "Xen, common/memory.c: guest_remove_page leaves the pin alone since XSA-252",
		Limits:  "guests of at most 64 frames; nothing is said of operations that race, one of which may be an unpin, nor of the end of the guest",
		Goal:    "an operation other than an unpin is about a pinned frame",
		Hyper:   true,
		event:   eventPins,
	}
}

func eventPins(r *Recount, st *model.Step) (Detail, bool) {
	if st.Op == model.OpUnpin || r.racing || r.s.Dying() {
		return Detail{}, true
	}
	if gone := r.pins &^ pins(r.s); gone != 0 {
		return Detail{Frame: lowest(gone)}, false
	}
	return Detail{}, true
}
