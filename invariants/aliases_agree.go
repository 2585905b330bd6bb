package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func aliasesAgree() Rule {
	return Rule{
		ID:      "aliases-agree",
		Says:    "Every mapping of a page that the kernel has made read-only, as a table or a descriptor table, is read-only.",
		Applies: "after boot under a hypervisor, at the hypercalls that put such a page to use, refused ones too, and when a call ends",
		Source:  "Linux 9976b39b5031 (percpu GDT), xen_alloc_ptpage's kmap_flush_unused (XenLinux 931a2bf97f), set_aliased_prot",
		Limits:  "looks at tables, not at what a TLB may still hold; while the other processor is in the middle of a call only at the page of the hypercall",
		Goal:    "a table or a descriptor table is put to use",
		Machine: UnderHypervisor,
		Span:    Living,
		Tell:    tellAliases,
		check:   checkAliases,
		ops:     []model.Op{model.OpSetGDT, model.OpUseLDT, model.OpMMUUpdate, model.OpPin, model.OpNewBaseptr, model.OpCallEnd},
	}
}

func checkAliases(c *Checker, st *model.Step) result {
	one, whole := model.NoFrame, !st.Busy
	switch st.Op {
	case model.OpSetGDT:
		one = st.Frame
	case model.OpUseLDT:
		one = c.s.LDT.Frame
	}
	set := single(one)
	all := c.s.Kernel.Life.Pinned.Union(descriptors(c.s))
	if whole && st.Op == model.OpMMUUpdate {
		whole = false
		if f := c.s.L.Map.Frame(model.Entry(st.Value).MFN()); model.In(all, f) { // the page that the entry names
			set = single(f)
		}
	}
	if whole {
		set = set.Union(all)
	}
	if set.Empty() {
		return silent
	}
	f := lowestOf(set, &c.all().writable)
	if f == model.NoFrame && c.large {
		f = c.writableIn(set, whole, st.Op == model.OpCallEnd)
	}
	if f != model.NoFrame {
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return e.Is(model.Present|model.RW) && t.maps(e, f) }))
	}
	if st.Op == model.OpCallEnd {
		return silent
	}
	return held
}

// writableIn is a frame of a set that the kernel's own direct map maps writable, NoFrame if
// there is none. all says that the set is all that there is; end that a call ends.
func (c *Checker) writableIn(set model.FrameSet, all, end bool) model.Frame {
	found := model.NoFrame
	look := func(f model.Frame) bool {
		m, ok := resolve(c.s, c.s.L.Geo, model.Frame(c.s.L.Kernel.Root), c.s.L.VA(model.PFN(f).PA()))
		if ok && m.frame == f && m.leaf.Is(model.RW) {
			found = f
		}
		return found == model.NoFrame
	}
	if all {
		c.directIn(&c.sweeps.aliases, &c.trees.kernel, set, end, look)
	} else {
		c.eachLow(set, look)
	}
	return found
}

func tellAliases(v *Violation) string {
	kind := "a table"
	if v.Step.Op == model.OpSetGDT || v.Step.Op == model.OpUseLDT || model.In(descriptors(v.State), v.frame) {
		kind = "a descriptor table"
	}
	return fmt.Sprintf("%s, %s, is mapped writable%s: %s", v.name(v.frame), kind, v.there(), v.entry())
}
