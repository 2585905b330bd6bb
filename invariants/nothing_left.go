package invariants

import "fmt"

func nothingLeft() Rule {
	return Rule{
		ID:      "nothing-left",
		Says:    "When a guest has been destroyed nobody refers to its frames.",
		Applies: "in the state after the end of a hostile guest",
		Source:  "Xen, arch/x86/domain.c: relinquish_memory; XSA-299",
		Limits:  "frames that the guest had given to other domains are theirs; references that Xen 4.17 is known to forget do not count where that is asked for",
		Goal:    "a guest has been destroyed",
		Machine: UnderHypervisor,
		Tell:    tellNothingLeft,
		Counts:  true,
		guest: guest{
			state: stateNothingLeft,
			metBy: func(r *Recount) bool { return r.s.Dying() },
			needs: []Means{Dies},
		},
	}
}

func stateNothingLeft(r *Recount) (Detail, bool) {
	if !r.s.Dying() {
		return Detail{}, true
	}
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		if r.s.L.Map.IsGuest(f) && (i.G != uint32(i.Forgotten) || i.T != uint32(i.ForgottenUses)) {
			return about(f).WithCounts(int(i.G), int(i.Forgotten)), false
		}
	}
	return Detail{}, true
}

func tellNothingLeft(v *Violation) string {
	return fmt.Sprintf("the guest is gone; the hypervisor still has %s as %s; references: %d", v.name(v.frame), v.record(v.frame), v.count)
}
