package invariants

import "github.com/ptcheck/ptcheck/model"

func hypervisorLives() Rule {
	return Rule{
		ID:      "hypervisor-lives",
		Says:    "No operation of a guest brings the hypervisor down: it gives no reference back that nobody holds, and executes nothing with an address that it has not looked at.",
		Applies: "at every operation of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: the BUG_ONs of put_page and _put_page_type; XSA-279",
		Limits:  "knows the deaths that the model has places for",
		Goal:    "an operation asks something of the hypervisor: anything but a store that needs no help",
		Machine: UnderHypervisor,
		Tell:    func(v *Violation) string { return "the hypervisor would have died: " + v.why },
		guest: guest{
			event: func(r *Recount, _ *model.Step) (Detail, bool) {
				// A state that is packed does not remember it.
				f := r.s.Fatal()
				return Detail{}.Because(f.String()), f == model.FatalNone
			},
			metAt: func(_ *Recount, s *model.Step) bool { return s.Op != model.OpStore },
		},
	}
}
