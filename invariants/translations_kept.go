package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func translationsKept() Rule {
	return Rule{
		ID:      "translations-kept",
		Says:    "Every translation that existed before setup_start still reaches the same frame while the kernel boots, in low memory's direct map for good.",
		Applies: "at every later step; from the end of the boot on (the zap; setup_done of later kernels) to low memory's direct map alone, for the rest is the kernel's to map anew; attributes may change, and natively the half below PAGE_OFFSET is exempt: setup clobbers and rebuilds it; so is what the loader has put into memory at an address of its own, the builder's list of machine frames among it, once it is given up; and so are addresses in the direct map at which the memory map lists nothing",
		Source:  "Linux b239fb25: construction adds to the tables that are there; head.S keeps the kernel running at PAGE_OFFSET; page.h: __va and __pa",
		Limits:  "looks at the tables under CR3, not at what a TLB may still hold",
		Goal:    "an entry that was present changes, or the root does",
		Tell:    tellTranslations,
		check:   checkTranslations,
		heeds:   oldEntries | otherRoot,
	}
}

func checkTranslations(c *Checker, st *model.Step) result {
	switch st.Op {
	case model.OpLoadCR3, model.OpNewBaseptr, model.OpSetCR4:
	default:
		if !c.removes() {
			if c.translated && c.translatedUnder != c.s.CPU.CR3 {
				c.keepUnder()
			}
			return silent
		}
	}
	for _, d := range c.stepDirt() {
		if out := c.pagesKept(pagesIn(c.s.Active(), c.start.pages, d)); out == broken {
			return broken
		}
	}
	c.translated, c.translatedUnder = true, c.s.CPU.CR3
	return held
}

// keepUnder follows the processor to another root, as when the other processor takes its
// turn.
func (c *Checker) keepUnder() {
	c.translatedUnder = c.s.CPU.CR3
	for _, d := range c.stepDirt() {
		if c.translated && c.pagesKept(pagesIn(c.s.Active(), c.start.pages, d)) == broken {
			c.translated = false // the next step that the rule is about looks at all
		}
	}
}

// stepDirt are the addresses that the step may lead elsewhere: all of them, unless memory is
// large and all have been looked at before.
func (c *Checker) stepDirt() []span {
	if t := &c.trees.active; c.large && c.translated {
		return t.changed(c.s, true)
	}
	return c.everywhere(c.s.Active())
}

// pagesKept judges translations that must be as they were.
func (c *Checker) pagesKept(pages []page) result {
	g, booted := c.s.Active(), c.booted()
	c.pages += uint64(len(pages))
	w := walker{s: c.s, g: g, root: c.s.CPU.CR3}
	for _, p := range pages {
		if c.givenUp(p.va) || c.noMemory(p.va) {
			continue
		}
		if booted && c.s.L.PA(p.va).PFN() >= c.s.L.Kernel.MaxLowPFN {
			continue
		}
		m, ok := w.resolve(p.va)
		if !ok || m.frame != p.frame {
			return c.fail(c.at(p.va, g, *m).WithWantFrame(p.frame))
		}
	}
	return held
}

// givenUp reports whether an address is one at which something was loaded that the kernel
// has given up.
func (c *Checker) givenUp(va model.VA) bool {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	in := func(base model.VA, r model.FrameRange) bool {
		return va >= base && va < base+model.VA(r.Len())*model.PageSize
	}
	return b.Is(model.P2MFreed) && in(e.P2MBase, e.P2M) || b.Is(model.InitrdFreed) && in(e.InitrdBase, e.Initrd)
}

// noMemory reports whether an address is one in a later kernel's direct map at which there
// is no memory: what the boot tables map there is not to stay, see ram-only.
func (c *Checker) noMemory(va model.VA) bool {
	pfn := c.s.L.PA(va).PFN()
	return c.s.L.Early != nil && pfn < c.s.L.Kernel.MaxLowPFN && !c.s.L.Early.Listed(pfn)
}

// booted reports whether the kernel's boot is over.
func (c *Checker) booted() bool {
	l := c.s.L
	return l.Life != nil || c.s.Kernel.Phase >= model.PhaseZapped || l.Early != nil && c.s.Kernel.Phase >= model.PhaseDone
}

// removes reports whether the step changed where a present entry leads. An entry
// that was not present cannot have been part of a translation.
func (c *Checker) removes() bool {
	const decides = model.Present | model.PSE | model.FrameMask
	for i := range c.trees.edits {
		e := &c.trees.edits[i]
		if e.trees&inActive != 0 && e.old.Is(model.Present) && (e.old^e.now)&decides != 0 {
			return true
		}
	}
	return false
}

func tellTranslations(v *Violation) string {
	return fmt.Sprintf("address %s led to %s, and now %s: %s", v.page(), v.name(v.wantFrame), v.leads(), v.ends())
}
