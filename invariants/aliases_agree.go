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
	var set uint64
	switch st.Op {
	case model.OpSetGDT:
		set = bit(st.Frame)
	case model.OpUseLDT:
		set = bit(c.s.LDT.Frame)
	}
	switch all := c.s.Kernel.Life.Pinned | descriptors(c.s); {
	case st.Busy:
	case st.Op == model.OpMMUUpdate:
		set |= all & bit(c.s.L.Map.Frame(model.Entry(st.Value).MFN())) // the page that the entry names
	default:
		set |= all
	}
	if set == 0 {
		return silent
	}
	if bad := set & c.all().writable; bad != 0 {
		f := lowest(bad)
		return c.fail(c.whoever(about(f), func(t table, e model.Entry) bool { return e.Is(model.Present|model.RW) && t.maps(e, f) }))
	}
	if st.Op == model.OpCallEnd {
		return silent
	}
	return held
}

func tellAliases(v *Violation) string {
	kind := "a table"
	if v.Step.Op == model.OpSetGDT || v.Step.Op == model.OpUseLDT || descriptors(v.State)&bit(v.frame) != 0 {
		kind = "a descriptor table"
	}
	return fmt.Sprintf("%s, %s, is mapped writable%s: %s", v.name(v.frame), kind, v.there(), v.entry())
}
