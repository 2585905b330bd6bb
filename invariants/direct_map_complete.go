package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func directMapComplete() Rule {
	return Rule{
		ID:      "direct-map-complete",
		Says:    "From setup_done on all low memory is mapped at its direct-map address, and the fixmap and pkmap have their tables.",
		Applies: "when setup_done or a later call ends; to the tables alone when a range call ends",
		Source:  "Linux b239fb25, pagetable_init: kernel_physical_mapping_init, page_table_range_init for the fixmap, permanent_kmaps_init",
		Limits:  "looks at the tables under the kernel's own root; where the pages lead is the business of direct-map-true",
		Goal:    "setup_done ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellComplete,
		check:   checkComplete,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkComplete(c *Checker, st *model.Step) result {
	l := c.s.L
	switch {
	case c.trees.kernel.geo == nil:
		return silent
	case st.Call.Kind == model.CallRange && !c.rangeDone(&st.Call):
		return c.fail(Detail{}.WithAddress(st.Call.Start).Because("the range of the call"))
	case st.Call.Kind == model.CallRange && !c.hasFixmap() && !(l.Kernel.Highmem && c.hasPkmap()):
		return c.fail(Detail{}.WithAddress(l.Fix(l.Kernel.NrFixed - 1)).Because("the fixmap, which such a call is for"))
	case c.s.Kernel.Phase < model.PhaseDone || st.Call.Kind == model.CallNone:
		return silent
	case !c.hasFixmap():
		return c.fail(Detail{}.WithAddress(l.Fix(l.Kernel.NrFixed - 1)).Because("the fixmap"))
	case !c.hasPkmap():
		return c.fail(Detail{}.WithAddress(l.Kernel.PkmapBase).Because("the pkmap area"))
	}
	complete := c.directOf(&c.sweeps.complete, &c.trees.kernel, func(pfn model.PFN, m mapping, ok bool) bool {
		if !ok {
			c.fail(c.at(l.VA(pfn.PA()), l.Geo, m).WithFrame(model.Frame(pfn)))
		}
		return ok
	})
	switch {
	case !complete:
		return broken
	case st.Call.Kind == model.CallSetupDone:
		return held
	}
	return silent
}

// rangeDone reports whether the range of a range call has its tables. Besides, all of
// the fixmap must have them or, with high memory, all of the pkmap area: that is what
// such calls are for.
func (c *Checker) rangeDone(call *model.Call) bool {
	span := c.s.L.Geo.Span(2)
	return c.hasTables(call.Start, call.Start+(call.End-call.Start)/span*span)
}

// hasFixmap reports whether all fixmap indexes above the hole have a table.
func (c *Checker) hasFixmap() bool {
	l := c.s.L
	span := l.Geo.Span(2)
	return l.Kernel.NrFixed < 2 || c.hasTables(l.Fix(l.Kernel.NrFixed-1)&^(span-1), l.Fix(1)&^(span-1)+span)
}

// hasPkmap reports whether the pkmap area has its tables, if there is one.
func (c *Checker) hasPkmap() bool {
	k := &c.s.L.Kernel
	return !k.Highmem || k.LastPkmap == 0 || c.hasTables(k.PkmapBase, k.PkmapBase+c.s.L.Geo.Span(2))
}

// hasTables reports whether each L2 span of a range of addresses, modulo the
// address space, has an L1 table under the kernel's root. A large page counts as
// one, as it does for the kernel.
func (c *Checker) hasTables(start, end model.VA) bool {
	g := c.s.L.Geo
	for va := start; g.Wrap(va) != g.Wrap(end); va += g.Span(2) {
		m, ok := resolve(c.s, g, c.trees.kernel.root, g.Wrap(va))
		if !ok && (m.level != 1 || m.table < 0) {
			return false
		}
	}
	return true
}

func tellComplete(v *Violation) string {
	if v.has&partFrame == 0 {
		return fmt.Sprintf("%s, from %s on, has not all its tables", v.why, v.page())
	}
	return fmt.Sprintf("%s is not mapped at its address %s: %s", v.name(v.frame), v.page(), v.ends())
}
