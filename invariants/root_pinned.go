package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func rootPinned() Rule {
	return Rule{
		ID:      "root-pinned",
		Says:    "From setup_done on the kernel's root is pinned, so that it stays a table when another root is loaded.",
		Applies: "when a call ends, under a hypervisor",
		Source:  "Linux ab144f5e, xen_pagetable_setup_done, which asks for level 3 with two levels too; Xen 3.1, do_mmuext_op ignores levels that it does not have, with success",
		Limits:  "looks at the pin, not at who asked for it",
		Goal:    "a call after setup_done ends",
		Machine: UnderHypervisor,
		From:    model.PhaseDone,
		Tell:    tellPinned,
		check:   checkPinned,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkPinned(c *Checker, _ *model.Step) result {
	root := model.Frame(c.s.L.Kernel.Root)
	if int(c.view.pins[root]) == c.s.L.Geo.Levels {
		return held
	}
	return c.fail(about(root))
}

func tellPinned(v *Violation) string {
	return fmt.Sprintf("the kernel's root %s is not pinned as L%d; the hypervisor has it as %s", v.name(v.frame), v.State.L.Geo.Levels, v.record(v.frame))
}
