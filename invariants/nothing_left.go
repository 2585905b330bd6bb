package invariants

func nothingLeft() Rule {
	return Rule{
		ID:      "nothing-left",
		Says:    "When a guest has been destroyed nobody refers to its frames.",
		Applies: "in the state after the end of a hostile guest",
		Source:  "Xen, arch/x86/domain.c: relinquish_memory; XSA-299",
		Limits:  "frames that the guest had given to other domains are theirs",
		Goal:    "a guest has been destroyed",
		Hyper:   true,
		state:   stateNothingLeft,
	}
}

func stateNothingLeft(r *Recount) (Detail, bool) {
	if !r.s.Dying() {
		return Detail{}, true
	}
	for f := range r.frames() {
		if i := r.s.InfoAt(f); r.s.L.Map.IsGuest(f) && (i.G != 0 || i.T != 0) {
			return Detail{Frame: f, Got: uint64(i.G)}, false
		}
	}
	return Detail{}, true
}
