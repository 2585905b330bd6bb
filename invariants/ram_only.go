package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func ramOnly() Rule {
	return Rule{
		ID:      "ram-only",
		Says:    "The direct map maps RAM and nothing else, each frame at its own address.",
		Applies: "when a call of a later kernel ends, from setup_start on; a 64-bit kernel clears what the boot tables map past a range when it maps that range",
		Source:  "Linux 551889a6e2a2 (boot tables that map past the end of memory), 24bdb0b62cc8 (the end of low memory), xen_set_pte_init (frames without a machine frame)",
		Limits:  "which frames are RAM is taken from the machine's memory map, not from the kernel's records",
		Goal:    "a call ends",
		Kernel:  LaterKernel,
		From:    model.PhaseStarted,
		Tell:    tellRAMOnly,
		check:   checkRAMOnly,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkRAMOnly(c *Checker, _ *model.Step) result {
	e, g, b := c.s.L.Early, c.s.Active(), &c.s.Kernel.Buffer
	if g.SignExtend && b.Mapped == 0 && !b.Is(model.TopDone) {
		return silent
	}
	pfn := model.PFN(0)
	for va := c.s.L.Kernel.PageOffset; va != e.DirectEnd; va = g.Wrap(va + model.PageSize) {
		m, ok := resolve(c.s, g, c.s.CPU.CR3, va)
		ram := e.IsRAM(pfn) || e.Extra.Has(pfn) && b.Is(model.Ballooned)
		if ok && (!ram || m.frame != model.Frame(pfn)) {
			return c.fail(c.at(va, g, m).WithFrame(m.frame))
		}
		pfn++
	}
	return held
}

func tellRAMOnly(v *Violation) string {
	own := model.Frame(v.State.L.PA(v.address).PFN())
	if v.frame >= 0 && v.frame != own {
		return fmt.Sprintf("address %s, the direct map of %s, leads to %s: %s", v.page(), v.name(own), v.name(v.frame), v.entry())
	}
	return fmt.Sprintf("address %s is mapped, and there is no RAM: %s", v.page(), v.entry())
}
