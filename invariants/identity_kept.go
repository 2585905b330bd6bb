package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func identityKept() Rule {
	return Rule{
		ID:      "identity-kept",
		Says:    "The low identity mapping is there until the zap: other processors need it when they leave real mode.",
		Applies: "on bare metal: with two levels to what head.S mapped there, at every step; with PAE to the memory under the first root slot, from the end of setup_done on",
		Source:  "Linux b239fb25, native_pagetable_setup_start and native_pagetable_setup_done, zap_low_mappings; arch/i386/kernel/head.S",
		Limits:  "looks at the tables under the kernel's own root and at frames, not at attributes; with PAE the low mappings are gone during construction, by design",
		Goal:    "a call before the zap ends",
		Machine: BareMetal,
		Kernel:  FirstKernel,
		Span:    Booting,
		Until:   model.PhaseZapped,
		Tell:    tellIdentity,
		check:   checkIdentity,
		heeds:   oldEntries,
		ops:     entryOps,
	}
}

func checkIdentity(c *Checker, st *model.Step) result {
	l := c.s.L
	if st.Call.Kind == model.CallZap || c.trees.kernel.geo == nil {
		return silent
	}
	end := st.Op == model.OpCallEnd
	switch {
	case !end && !c.losesMapping():
		return silent
	case l.Geo.Levels != 2 && c.s.Kernel.Phase < model.PhaseDone:
		return silent
	}
	for _, d := range c.identityDirt(end) {
		if l.Geo.Levels == 2 && !c.lowPages(pagesIn(l.Geo, c.start.low, d)) || l.Geo.Levels != 2 && !c.lowPart(d) {
			return broken
		}
	}
	if end {
		c.sweeps.identity.done(&c.trees.kernel)
		return held
	}
	return silent
}

// identityDirt are the addresses to look at, when a call ends or inside of one.
func (c *Checker) identityDirt(end bool) []span {
	t := &c.trees.kernel
	switch {
	case !c.goesOn(&c.sweeps.identity, t):
		return c.everywhere(t.geo)
	}
	return t.changed(c.s, !end)
}

// lowPages judges pages below PAGE_OFFSET that must be mapped as they were.
func (c *Checker) lowPages(pages []page) bool {
	c.pages += uint64(len(pages))
	w := walker{s: c.s, g: c.s.L.Geo, root: c.trees.kernel.root}
	for _, p := range pages {
		if m, ok := w.resolve(p.va); !ok || m.frame != p.frame {
			c.fail(c.at(p.va, c.s.L.Geo, *m).WithWantFrame(p.frame))
			return false
		}
	}
	return true
}

// losesMapping reports whether the step changed where a present entry under the
// kernel's root leads.
func (c *Checker) losesMapping() bool {
	for i := range c.trees.edits {
		e := &c.trees.edits[i]
		if e.trees&inKernel != 0 && e.old.Is(model.Present) && (e.old^e.now)&(model.Present|model.PSE|model.FrameMask) != 0 {
			return true
		}
	}
	return false
}

// lowPart judges the identity mapping of a PAE kernel: the first root slot maps
// memory at its own address, up to the end of the slot or of low memory. It looks at a
// range of addresses.
func (c *Checker) lowPart(d span) bool {
	l, g := c.s.L, c.s.L.Geo
	root := c.trees.kernel.root
	end := min(l.Kernel.MaxLowPFN, model.PFN(g.Span(g.Levels)/model.PageSize))
	first, kernel := c.s.Entry(g, root, 0), c.s.Entry(g, root, l.UserSlots())
	if shared := first.Is(model.Present) && l.Names(first) == l.Names(kernel); shared && g.Index(l.Kernel.PageOffset, 2) == 0 {
		return true // as true and complete as the direct map, which other rules judge
	}
	w := walker{s: c.s, g: g, root: root}
	for pfn := model.PFN(d.from / model.PageSize); pfn < end && model.VA(pfn.PA()) < d.to; pfn++ {
		va := model.VA(pfn.PA())
		if m, ok := w.resolve(va); !ok || m.frame != model.Frame(pfn) {
			c.fail(c.at(va, g, *m).WithWantFrame(model.Frame(pfn)))
			return false
		}
	}
	return true
}

func tellIdentity(v *Violation) string {
	return fmt.Sprintf("address %s led to %s, and does not any more: %s", v.page(), v.name(v.wantFrame), v.ends())
}
