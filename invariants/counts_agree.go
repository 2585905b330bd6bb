package invariants

import "github.com/ptcheck/ptcheck/model"

func countsAgree() Rule {
	return Rule{
		ID:      "counts-agree",
		Says:    "The hypervisor's types and counts agree with a recount from raw memory, pins and registers.",
		Applies: "in every state of a hostile guest, and when a call of a kernel under a hypervisor ends, at real size only setup_done, zap and exit",
		Source:  "Xen, arch/x86/mm.c: type and general counts; XSA-182, XSA-224, XSA-299",
		Limits:  "believes which type a pinned frame has, and where an interrupted audit stopped; of PV-DP's rules only types and type counts are compared; references that Xen 4.17 is known to forget count as held where that is asked for (profile xen-4.17-known)",
		Goal:    "a call ends; of a hostile guest: a frame's uses are not those of the start",
		Hyper:   true,
		ops:     []model.Op{model.OpCallEnd},
		check:   atCallEnds(stateCounts),
		state:   stateCounts,
	}
}

func stateCounts(r *Recount) (Detail, bool) {
	f := r.census.Differs(r.s)
	if f == model.NoFrame {
		return Detail{}, true
	}
	return Detail{Frame: f, Want: uint64(r.census.Tallies[f].T), Got: uint64(r.s.InfoAt(f).T)}, false
}
