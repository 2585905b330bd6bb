package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func kernelClosed() Rule {
	return Rule{
		ID:      "kernel-closed",
		Says:    "User mode reaches no page of the kernel: on the way to each, some entry lacks the user bit.",
		Applies: "after boot, to entries of the kernel's part that a step changes or brings into use; a leaf that a hypervisor has marked as its guest's kernel's is closed",
		Source:  "Intel SDM vol. 3, 4.6; Linux, _PAGE_KERNEL; XenLinux 7eb2ea0351; Xen, adjust_guest_l1e: pages of user mode are global, and stay cached when a 64-bit guest changes roots",
		Limits:  "a page that is open on purpose, such as vsyscall's, is not modelled",
		Goal:    "an entry of the kernel's part changes",
		Span:    Living,
		Tell:    tellOpen,
		check:   checkClosed,
		heeds:   newEntries | newTables,
		ops:     entryOps,
	}
}

func checkClosed(c *Checker, _ *model.Step) result {
	out := silent
	c.trees.eachNew(c.s, func(e *edit) bool {
		in := c.trees.of(e.trees)
		t := in.table(c.s, e.table, e.level)
		t.base = in.base[e.table]
		if !e.now.Is(model.Present) || in.address(e.table, e.level, e.slot) < c.s.L.Kernel.PageOffset {
			return true
		}
		out = held
		if in.geo.GrantsRights(e.level) && !e.now.Is(model.User) {
			return true
		}
		if va, m, open := c.opened(in.root, t, e.slot, e.now); open {
			out = c.fail(atEntry(m.table, m.slot, m.leaf).WithAddress(va))
			return false
		}
		return true
	})
	return out
}

// opened looks for a page that user mode reaches by way of a present entry of a table
// below a root.
func (c *Checker) opened(root model.Frame, t table, slot int, e model.Entry) (va model.VA, m mapping, open bool) {
	look := func(t table, slot int, e model.Entry) bool {
		if e.Is(model.Present|model.User) && !e.Is(model.GuestKernel) {
			va = t.g.Wrap(t.base + model.VA(slot)*t.g.Span(t.level))
			var ok bool
			m, ok = resolve(c.s, t.g, root, va)
			open = ok && m.user
		}
		return !open
	}
	if t.isLeaf(e) {
		look(t, slot, e)
	} else {
		t.child(slot, e).walk(nil, look)
	}
	return va, m, open
}

func tellOpen(v *Violation) string {
	return fmt.Sprintf("user mode reaches address %s of the kernel: %s, and all entries above it have the user bit", v.page(), v.entry())
}
