package invariants

func nothingLeft() Rule {
	return Rule{
		ID:      "nothing-left",
		Says:    "When a guest has been destroyed nobody refers to its frames.",
		Applies: "in the state after the end of a hostile guest",
		Source:  "Xen, arch/x86/domain.c: relinquish_memory; XSA-299",
		Limits:  "frames that the guest had given to other domains are theirs; references that Xen 4.17 is known to forget do not count where that is asked for",
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
		i := r.s.InfoAt(f)
		if r.s.L.Map.IsGuest(f) && (i.G != uint32(i.Forgotten) || i.T != uint32(i.ForgottenUses)) {
			return Detail{Frame: f, Got: uint64(i.G)}, false
		}
	}
	return Detail{}, true
}
