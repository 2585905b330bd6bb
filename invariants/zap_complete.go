package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func zapComplete() Rule {
	return Rule{
		ID:      "zap-complete",
		Says:    "After the zap nothing is mapped below PAGE_OFFSET, and what lies above still is.",
		Applies: "when the zap ends; a 64-bit kernel zaps the first root slot only",
		Source:  "Linux b239fb25, zap_low_mappings",
		Limits:  "looks at the tables under the kernel's own root, not at what a TLB may still hold",
		Goal:    "the zap ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellZap,
		check:   checkZap,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkZap(c *Checker, st *model.Step) result {
	if st.Call.Kind != model.CallZap {
		return silent
	}
	l := c.s.L
	slots := l.UserSlots()
	if l.Geo.Levels == 4 {
		slots = 1
	}
	root := model.Frame(l.Kernel.Root)
	if d, mapped := c.mapsBelow(root, slots); mapped {
		return c.fail(d)
	}
	va := l.VA(l.Kernel.Root.PA())
	if m, ok := resolve(c.s, l.Geo, root, va); !ok || m.frame != root {
		return c.fail(c.at(va, l.Geo, m).WithFrame(root))
	}
	return held
}

func tellZap(v *Violation) string {
	if v.has&partAddress != 0 {
		return fmt.Sprintf("%s, the root's own address, does not lead to %s any more: %s", v.page(), v.name(v.frame), v.ends())
	}
	return fmt.Sprintf("entry %s, below PAGE_OFFSET, is %s, and something is mapped there", v.slotName(), v.EntryText(v.is))
}
