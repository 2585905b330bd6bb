package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func cachedGranted() Rule {
	return Rule{
		ID:      "cached-granted",
		Says:    "When nobody is in the middle of anything, no processor has a translation cached that leads elsewhere than the tables do, or grants more.",
		Applies: "when a call ends while nobody is in another one or lazy, to what each processor's TLB holds; the kernel's part is as init_mm's tables have it, since what is global outlives the tables that it came from; rights count where changes-flushed wants their loss flushed",
		Source:  "Intel SDM vol. 3, 4.10.2 to 4.10.4; Linux, flush_tlb_mm, flush_tlb_page, flush_tlb_kernel_range and their IPIs; kmap_high, whose mappings outlive their page; db64fe02258f (vmap addresses are flushed before they are used again)",
		Limits:  "looks at what a TLB that keeps everything holds; what a processor may have cached besides is the business of changes-flushed",
		Goal:    "a call ends with something cached",
		Tell:    tellTooMuch,
		check:   checkCached,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkCached(c *Checker, st *model.Step) result {
	if !c.quiet(st) {
		return silent
	}
	w := &c.sweeps.cached
	if good, known := c.cachedSince(w); !good || !known {
		if d, wrong := c.cachedWrong(); wrong {
			return c.fail(d)
		}
	}
	w.looked(c)
	for n := range c.s.Processors() {
		if c.s.TLBOf(n).Len() > 0 {
			return held
		}
	}
	return silent
}

// cachedWrong looks for a translation that the tables do not grant.
func (c *Checker) cachedWrong() (d Detail, wrong bool) {
	for n := range c.s.Processors() {
		for t := range c.s.TLBOf(n).Each {
			if c.pages++; !c.granted(n, t) && !c.lazilyFlushed(t.Page) {
				return cached(c.s, n, t), true
			}
		}
	}
	return d, false
}

// granted reports whether the tables grant what a processor has cached.
func (c *Checker) granted(cpu int, t model.Cached) bool {
	g := c.s.Active()
	root := c.s.CPUOf(cpu).CR3
	m, ok := resolve(c.s, g, root, t.Page)
	if kernel := model.Frame(c.s.L.Kernel.Root); !ok && t.Page >= c.s.L.Kernel.PageOffset && g == c.s.L.Geo {
		m, ok = resolve(c.s, g, kernel, t.Page)
	}
	if !ok || m.frame != t.Frame {
		return false
	}
	var has, may model.Entry // what is cached, and what the tables grant
	for _, r := range [...]struct {
		has, may bool
		right    model.Entry
	}{{t.Writable, m.writable, model.RW}, {t.User, m.user, model.User}} {
		if r.has {
			has |= r.right
		}
		if r.may {
			may |= r.right
		}
	}
	return !c.loses(has, may, t.Page)
}

func tellTooMuch(v *Violation) string {
	return fmt.Sprintf("processor %d has page %s cached as %s with rights that the tables do not grant, or that they lead elsewhere; the call ends", v.cpu, v.page(), v.name(v.frame))
}
