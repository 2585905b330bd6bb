package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func knownAtSuspend() Rule {
	return Rule{
		ID:      "known-at-suspend",
		Says:    "When the guest is suspended the hypervisor knows every table: the tools that move a guest translate machine addresses in tables only.",
		Applies: "after boot under a hypervisor, at the suspension",
		Source:  "Linux, xen_mm_pin_all; XenLinux c60a806bc2; Xen, xc_domain_save: frames are canonicalised by their types",
		Limits:  "machine addresses do not really change: the guest goes on where it was",
		Goal:    "the guest is suspended while there is a process",
		Machine: UnderHypervisor,
		Span:    Living,
		Tell:    tellSuspend,
		check:   checkSuspend,
		ops:     []model.Op{model.OpSuspend},
	}
}

func checkSuspend(c *Checker, _ *model.Step) result {
	r := &c.reach
	r.from(c.s)
	r.processes()
	if r.tables == 0 {
		return silent
	}
	for f := range model.Frame(c.s.L.Map.Guest()) {
		if r.tables&bit(f) != 0 && !c.view.isTable(f) {
			return c.fail(about(f))
		}
	}
	return held
}

func tellSuspend(v *Violation) string {
	return fmt.Sprintf("the guest is suspended; %s is a table of a process, and the hypervisor has it as %s", v.name(v.frame), v.record(v.frame))
}
