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
	r.from(c)
	r.trees = nil // what the kernel's tree has may be unknown to the hypervisor as well
	r.processes()
	bad, some := model.NoFrame, false
	r.tables.each(func(f model.Frame) {
		some = true
		if c.s.L.Map.IsGuest(f) && !c.view.isTable(f) && (bad == model.NoFrame || f < bad) {
			bad = f
		}
	})
	switch {
	case !some:
		return silent
	case bad != model.NoFrame:
		return c.fail(about(bad))
	}
	return held
}

func tellSuspend(v *Violation) string {
	return fmt.Sprintf("the guest is suspended; %s is a table of a process, and the hypervisor has it as %s", v.name(v.frame), v.record(v.frame))
}
