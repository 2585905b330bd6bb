package invariants

import "github.com/ptcheck/ptcheck/model"

func zapComplete() Rule {
	return Rule{
		ID:      "zap-complete",
		Says:    "After the zap nothing is mapped below PAGE_OFFSET, and what lies above still is.",
		Applies: "when the zap ends; a 64-bit kernel zaps the first root slot only",
		Source:  "Linux b239fb25, zap_low_mappings",
		Limits:  "looks at the tables under the kernel's own root, not at what a TLB may still hold",
		Goal:    "the zap ends",
		Kernel:  FirstKernel,
		Boot:    true,
		check:   checkZap,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkZap(c *Checker, st *model.Step) result {
	if st.Op != model.OpCallEnd || st.Call.Kind != model.CallZap {
		return silent
	}
	l := c.s.L
	slots := l.UserSlots()
	if l.Geo.Levels == 4 {
		slots = 1
	}
	root := model.Frame(l.Kernel.Root)
	for slot := range slots {
		if e := c.s.Entry(l.Geo, root, slot); e&model.Present != 0 && c.mapsAnything(e, l.Geo.Levels) {
			return c.fail(Detail{Frame: model.NoFrame, Table: root, Slot: slot, Got: uint64(e)})
		}
	}
	va := l.VA(l.Kernel.Root.PA())
	if m, ok := resolve(c.s, l.Geo, root, va); !ok || m.frame != root {
		return c.fail(Detail{Frame: root, VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
	}
	return held
}

// mapsAnything reports whether a present entry of a level leads to a present
// leaf.
func (c *Checker) mapsAnything(e model.Entry, level int) bool {
	g := c.s.L.Geo
	if level == 1 || largeLeaf(c.s, g, level, e) {
		return true
	}
	table := c.s.L.Map.Frame(e.MFN())
	if table < 0 {
		return true // who knows
	}
	for slot := range g.Slots[level-1] {
		if sub := c.s.Entry(g, table, slot); sub&model.Present != 0 && c.mapsAnything(sub, level-1) {
			return true
		}
	}
	return false
}
