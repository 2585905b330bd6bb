package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func leafRewritten() Rule {
	return Rule{
		ID:      "leaf-rewritten",
		Says:    "A mapped leaf of low memory has its final frame and attributes, none inherited from the boot tables.",
		Applies: "to the leaves of a map call when it ends",
		Source:  "Linux b239fb25, kernel_physical_mapping_init: leaf entries are always written; Intel SDM vol. 3, table 4-6",
		Limits:  "write permission and, on 32 bits, no-execute are not looked at under a hypervisor: read-only leaves stay so, and making an entry loses the NX bit there",
		Goal:    "a map call ends",
		Kernel:  FirstKernel,
		Span:    Booting,
		Tell:    tellLeaf,
		check:   checkLeaf,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkLeaf(c *Checker, st *model.Step) result {
	if st.Call.Kind != model.CallMap {
		return silent
	}
	return c.leavesAre(&st.Call, false)
}

// leavesAre judges the leaves of a map call. exact asks for each flag as the
// kernel's own rewriting would leave it, but write permission, which it keeps.
func (c *Checker) leavesAre(call *model.Call, exact bool) result {
	l := c.s.L
	step := model.PFN(1)
	if l.Kernel.HasPSE {
		step = model.PFN(l.Geo.Span(2) / model.PageSize)
	}
	for pfn := call.From; pfn < call.To; pfn += step {
		va := l.VA(pfn.PA())
		m, ok := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), va)
		want, care := c.leafFlags(va)
		if exact {
			want, care = c.asStored(want), model.FlagMask
			if l.Hyper != nil {
				care &^= model.RW
			}
		}
		if !ok || m.leaf.MFN() != l.Map.MFN(model.Frame(pfn)) || (m.level == 2) != l.Kernel.HasPSE || (m.leaf.Flags()^want)&care != 0 {
			if exact {
				return broken
			}
			d := c.at(va, l.Geo, m).WithWant(model.MakeEntry(l.Map.MFN(model.Frame(pfn)), want), care|model.FrameMask)
			if ok && (m.level == 2) != l.Kernel.HasPSE {
				d = d.Because("the page is of the wrong size")
			}
			return c.fail(d)
		}
	}
	return held
}

// leafFlags is what the kernel's leaf for an address of low memory must look
// like, and which flags that says something about.
func (c *Checker) leafFlags(va model.VA) (want, care model.Entry) {
	l := c.s.L
	want = model.Present | model.RW | model.Accessed | model.Dirty
	care = model.FlagMask &^ (model.Avail | model.AvailHigh)
	if l.Kernel.HasPSE {
		want |= model.PSE
	}
	if l.Kernel.HasPGE {
		want |= model.Global
	}
	if l.Kernel.NX && l.Geo.Width == 8 && !c.isText(va) {
		want |= model.NX
	}
	if l.Hyper == nil {
		return want, care
	}
	care &^= model.RW
	if l.Geo.SignExtend {
		// The hypervisor sets these, and marks what the kernel keeps for itself.
		care = care&^(model.User|model.Global) | model.GuestKernel
		want |= model.GuestKernel
	} else {
		care &^= model.NX
	}
	return want, care
}

// isText reports whether a leaf at va must be executable: a 4K page by its
// start, a large page if any of it is kernel text.
func (c *Checker) isText(va model.VA) bool {
	l := c.s.L
	last := va
	if l.Kernel.HasPSE {
		last = l.Geo.Wrap(va + l.Geo.Span(2) - 1)
	}
	return va >= l.Kernel.PageOffset && va <= l.Kernel.TextEnd || last >= l.Kernel.PageOffset && last <= l.Kernel.TextEnd
}

func tellLeaf(v *Violation) string {
	if v.why != "" {
		return fmt.Sprintf("address %s: %s: %s; want %s", v.page(), v.why, v.ends(), v.EntryText(v.want))
	}
	return tellFixmap(v)
}
