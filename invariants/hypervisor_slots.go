package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func hypervisorSlots() Rule {
	return Rule{
		ID:      "hypervisor-slots",
		Says:    "The guest never fills, writes or asks to write a slot that belongs to the hypervisor.",
		Applies: "to requests, granted or refused, and to stores into tables in use; a table that comes into use has such slots empty or as the builder had them",
		Source:  "Xen, include/public/arch-x86/xen.h (HYPERVISOR_VIRT_START, ROOT_PAGETABLE_FIRST_XEN_SLOT); Linux b239fb25, page_table_range_init ends at FIXADDR_TOP",
		Limits:  "looks at the request for an entry and at the address of an update, not at loads",
		Goal:    "an entry of a table with hypervisor slots is asked for, or such a table comes into use",
		Machine: UnderHypervisor,
		Tell:    tellXenSlots,
		check:   checkXenSlots,
		heeds:   askedFor | hypervisors,
		ops:     append(model.Storing(), model.OpNewBaseptr, model.OpPin),
	}
}

func checkXenSlots(c *Checker, st *model.Step) result {
	h := c.s.L.Hyper
	if h.XenLevel == 0 {
		return silent
	}
	switch st.Op {
	case model.OpMMUUpdate:
		if st.Frame < 0 || !c.usedAt(st.Frame, h.XenLevel) || c.s.L.PAESpecial() && !c.isSpecial(st.Frame) {
			return silent
		}
		slot := st.Off / c.s.L.Geo.Width
		if c.s.L.XenSlot(h.XenLevel, slot, true) {
			return c.fail(atEntry(st.Frame, slot, c.s.Entry(c.s.L.Geo, st.Frame, slot)).WithAsked(model.Entry(st.Value)))
		}
		return held
	case model.OpUpdateVA:
		if c.hypervisorAddress(st.VA) {
			return c.fail(Detail{}.WithAddress(st.VA).WithAsked(model.Entry(st.Value)))
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
	for _, e := range c.changed(c.s.L.Geo) {
		if c.s.L.XenSlot(h.XenLevel, e.slot, true) && c.usedAt(e.table, h.XenLevel) && (!c.s.L.PAESpecial() || c.isSpecial(e.table)) {
			return c.fail(atEntry(e.table, e.slot, e.now).WithWas(e.old))
		}
	}
	return silent
}

func tellXenSlots(v *Violation) string {
	const whose = "which is the hypervisor's"
	switch {
	case v.has&partAddress != 0:
		return fmt.Sprintf("the guest asks for %s at %s, %s", v.EntryText(v.asked), v.page(), whose)
	case v.has&partAsked != 0:
		return fmt.Sprintf("the guest asks for %s in %s, %s", v.EntryText(v.asked), v.slotName(), whose)
	case v.has&partWas != 0:
		return fmt.Sprintf("entry %s, %s, was %s and is %s", v.slotName(), whose, v.EntryText(v.was), v.EntryText(v.is))
	}
	return fmt.Sprintf("the table comes into use with %s, %s; the builder's is %s", v.entry(), whose, v.EntryText(v.want))
}

// usedAt reports whether a frame is in use as a table of a level.
func (c *Checker) usedAt(f model.Frame, level int) bool {
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
	for slot := h.XenFirst; slot <= h.XenLast; slot++ { // the slots that the visitors leave out
		e, want := c.s.Entry(g, f, slot), model.Entry(0)
		if builder >= 0 {
			want = c.s.Entry(g, builder, slot)
		}
		if e != 0 && e != want {
			return c.fail(atEntry(f, slot, e).WithWant(want, ^model.Entry(0)))
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
