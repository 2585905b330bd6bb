package invariants

import "github.com/ptcheck/ptcheck/model"

func hypervisorSlots() Rule {
	return Rule{
		ID:      "hypervisor-slots",
		Says:    "The guest never fills, writes or asks to write a slot that belongs to the hypervisor.",
		Applies: "to requests, granted or refused, and to stores into tables in use; a table that comes into use has such slots empty or as the builder had them",
		Source:  "Xen, include/public/arch-x86/xen.h (HYPERVISOR_VIRT_START, ROOT_PAGETABLE_FIRST_XEN_SLOT); Linux b239fb25, page_table_range_init ends at FIXADDR_TOP",
		Limits:  "looks at the request for an entry and at the address of an update, not at loads",
		Goal:    "an entry of a table with hypervisor slots is asked for, or such a table comes into use",
		Hyper:   true,
		check:   checkXenSlots,
		ops:     append(model.Storing(), model.OpNewBaseptr, model.OpPin),
	}
}

func checkXenSlots(c *Checker, st *model.Step) result {
	h := c.s.L.Hyper
	if h == nil || h.XenLevel == 0 {
		return silent
	}
	switch st.Op {
	case model.OpMMUUpdate:
		if st.Frame < 0 || !c.tableOf(st.Frame, h.XenLevel) || c.s.L.PAESpecial() && !c.isSpecial(st.Frame) {
			return silent
		}
		slot := st.Off / c.s.L.Geo.Width
		if c.s.L.XenSlot(h.XenLevel, slot, true) {
			return c.fail(Detail{Frame: model.NoFrame, Table: st.Frame, Slot: slot, Got: st.Value})
		}
		return held
	case model.OpUpdateVA:
		if c.hypervisorAddress(st.VA) {
			return c.fail(Detail{Frame: model.NoFrame, VA: st.VA})
		}
		return silent
	case model.OpPin:
		if st.Errno == model.OK && st.Frame >= 0 && st.Level == c.s.L.Geo.Levels {
			return c.ownSlots(c.withSlots(st.Frame))
		}
		return silent
	case model.OpNewBaseptr:
		if st.Errno == model.OK {
			return c.ownSlots(c.withSlots(c.s.CPU.CR3))
		}
		return silent
	}
	for w := range c.s.Writes {
		if !c.tableOf(w.Frame, h.XenLevel) || c.s.L.PAESpecial() && !c.isSpecial(w.Frame) {
			continue
		}
		g := c.s.L.Geo
		for i := range 8 / g.Width {
			slot := w.Word*8/g.Width + i
			if c.s.L.XenSlot(h.XenLevel, slot, true) && entryOf(g, w.Old, i) != c.s.Entry(g, w.Frame, slot) {
				return c.fail(Detail{Frame: model.NoFrame, Table: w.Frame, Slot: slot, Got: uint64(c.s.Entry(g, w.Frame, slot))})
			}
		}
	}
	return silent
}

// tableOf reports whether a frame is in use as a table of a level.
func (c *Checker) tableOf(f model.Frame, level int) bool {
	return c.view.uses[f][level] > 0 || c.trees.kernel.roles[f]>>level&1 != 0
}

// isSpecial reports whether a frame is the L2 with the hypervisor's slots of a root
// that somebody may use.
func (c *Checker) isSpecial(f model.Frame) bool {
	k := &c.s.L.Kernel
	if c.withSlots(model.Frame(k.Root)) == f || c.withSlots(model.Frame(k.PTBase)) == f || c.withSlots(c.s.Kernel.Second) == f {
		return true
	}
	for _, root := range c.s.Roots() {
		if c.withSlots(root) == f {
			return true
		}
	}
	return false
}

// withSlots is the table below a root that has the hypervisor's slots: the root, or
// in PAE the L2 under its last slot; NoFrame if there is none.
func (c *Checker) withSlots(root model.Frame) model.Frame {
	g := c.s.L.Geo
	if root < 0 || !c.s.L.PAESpecial() {
		return root
	}
	e := c.s.Entry(g, root, g.Slots[g.Levels]-1)
	if !e.Is(model.Present) {
		return model.NoFrame
	}
	return c.s.L.Map.Frame(e.MFN())
}

// ownSlots compares the hypervisor's slots of a table that comes into use with the
// builder's. The hypervisor fills empty ones, and in a profile that does so here
// there is nothing to compare.
func (c *Checker) ownSlots(f model.Frame) result {
	h, g := c.s.L.Hyper, c.s.L.Geo
	if f < 0 || len(h.XenEntries) > 0 {
		return silent
	}
	builder := c.withSlots(model.Frame(c.s.L.Kernel.PTBase))
	for slot := h.XenFirst; slot <= h.XenLast; slot++ {
		e := c.s.Entry(g, f, slot)
		if e != 0 && (builder < 0 || e != c.s.Entry(g, builder, slot)) {
			return c.fail(Detail{Frame: model.NoFrame, Table: f, Slot: slot, Got: uint64(e)})
		}
	}
	return held
}

// hypervisorAddress reports whether an address lies in the hypervisor's slots.
func (c *Checker) hypervisorAddress(va model.VA) bool {
	g := c.s.L.Geo
	last := g.Index(va, g.Levels) == g.Slots[g.Levels]-1
	level := c.s.L.Hyper.XenLevel
	return c.s.L.XenSlot(level, g.Index(va, level), last)
}
