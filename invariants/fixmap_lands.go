package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func fixmapLands() Rule {
	return Rule{
		ID:      "fixmap-lands",
		Says:    "A fixmap index maps the frame that was asked for, with the attributes that were asked for.",
		Applies: "when a fixmap or alias call ends, and for shared_info when setup_done ends under a hypervisor",
		Source:  "Linux, set_pte_pfn (arch/i386/mm/pgtable.c), PAGE_KERNEL and PAGE_KERNEL_RO; xen_pagetable_setup_done (ab144f5e)",
		Limits:  "looks at the tables under the kernel's own root; whether the leaf is global, accessed or dirty is free, and so are software bits; no-execute is not looked at where making an entry loses it (32-bit guests)",
		Goal:    "a fixmap call ends",
		Span:    Booting,
		Tell:    tellFixmap,
		check:   checkFixmap,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkFixmap(c *Checker, st *model.Step) result {
	l := c.s.L
	switch st.Call.Kind {
	case model.CallFixmap, model.CallAlias:
		want, care := c.fixFlags(st.Call.Kind == model.CallFixmap)
		return c.fixmapIs(l.Fix(st.Call.Index), l.Map.MFN(model.Frame(st.Call.From)), want, care)
	case model.CallSetupDone:
		if l.Hyper != nil {
			// This entry is put together by hand and keeps NX everywhere.
			want, care := c.fixFlags(true)
			if l.Geo.Width == 8 {
				care |= model.NX
			}
			return c.fixmapIs(l.Fix(l.Kernel.FixSharedInfo), l.Kernel.SharedInfo, want, care)
		}
	}
	return silent
}

// fixFlags is what a fixmap leaf must look like, and which flags that says
// something about.
func (c *Checker) fixFlags(writable bool) (want, care model.Entry) {
	l := c.s.L
	want = model.Present | accessBits | l.Encrypt
	care = model.FlagMask&^(ownBits|model.Global) | l.Encrypt
	if writable {
		want |= model.RW
	}
	if l.Kernel.HasPGE {
		want |= model.Global
	}
	if l.Kernel.NX && l.Geo.Width == 8 {
		want |= model.NX
	}
	switch {
	case l.Hyper == nil:
	case l.Geo.SignExtend:
		// The hypervisor sets these, and marks what the kernel keeps for itself.
		care = care&^model.User | model.GuestKernel
		want |= model.GuestKernel
	default:
		care &^= model.NX
	}
	return want, care
}

// fixmapIs compares the mapping of an address under the kernel's root.
func (c *Checker) fixmapIs(va model.VA, to model.MFN, want, care model.Entry) result {
	m, ok := resolve(c.s, c.s.L.Geo, model.Frame(c.s.L.Kernel.Root), va)
	if !ok || m.level != 1 || c.s.L.Names(m.leaf) != to || (m.leaf^want)&(care&^model.FrameMask|c.s.L.Encrypt) != 0 {
		return c.fail(c.at(va, c.s.L.Geo, m).WithWant(model.MakeEntry(to, want), care|model.FrameMask))
	}
	return held
}

func tellFixmap(v *Violation) string {
	if v.has&partEntry == 0 {
		return fmt.Sprintf("address %s: %s; want %s", v.page(), v.ends(), v.EntryText(v.want))
	}
	return fmt.Sprintf("address %s: %s: %s", v.page(), v.entry(), v.amiss())
}
