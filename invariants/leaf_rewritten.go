package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func leafRewritten() Rule {
	return Rule{
		ID:      "leaf-rewritten",
		Says:    "A mapped page of low memory has its final frame and attributes, none inherited from the boot tables.",
		Applies: "to the leaves of a map call when it ends",
		Source:  "Linux b239fb25, kernel_physical_mapping_init: leaf entries are always written; Intel SDM vol. 3, table 4-6",
		Limits:  "pages may be of either size, global or not, accessed and dirty or not; write permission and, on 32 bits, no-execute are not looked at under a hypervisor: read-only leaves stay so, and making an entry loses the NX bit there",
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

// leavesAre judges the leaves of a map call, each page by what all levels grant; of what
// size they are is the kernel's choice. exact asks for each flag as the kernel's own
// rewriting would leave it, and for the size that it would choose, but not for write
// permission, which it keeps.
func (c *Checker) leavesAre(call *model.Call, exact bool) result {
	l := c.s.L
	w := walker{s: c.s, g: l.Geo, root: model.Frame(l.Kernel.Root)}
	for pfn := call.From; pfn < call.To; {
		va := l.VA(pfn.PA())
		m, ok := w.resolve(va)
		want, care := c.leafFlags(va, m.level)
		if exact {
			want, care = c.asStored(want), model.FlagMask&^ownBits
			if l.Hyper != nil {
				care &^= model.RW
			}
		}
		pages := model.PFN(l.Geo.Span(m.level) / model.PageSize)
		first := pfn &^ (pages - 1)
		is := c.effective(m)
		switch {
		case exact:
			if !ok || (m.level == 2) != l.Kernel.HasPSE || l.Names(m.leaf) != l.Map.MFN(model.Frame(first)) || (is^want)&care != 0 {
				return broken
			}
		case !ok || l.Names(m.leaf) != l.Map.MFN(model.Frame(first)) || (is^want)&care != 0:
			return c.fail(c.wrongLeaf(va, m, want, care))
		}
		pfn = first + pages
	}
	return held
}

// effective is what a leaf grants with the entries above it: on bare metal those may take
// away writing and executing. Under a hypervisor they are its guests' to change at any
// time, and the leaf counts alone.
func (c *Checker) effective(m *mapping) model.Entry {
	is := m.leaf.Flags() | m.leaf&c.s.L.Encrypt
	if c.s.L.Hyper != nil {
		return is
	}
	if !m.writable {
		is &^= model.RW
	}
	if m.noExec {
		is |= model.NX
	}
	return is
}

// wrongLeaf points at a leaf of low memory that is not what it must be.
func (c *Checker) wrongLeaf(va model.VA, m *mapping, want, care model.Entry) Detail {
	l := c.s.L
	d := c.at(va, l.Geo, *m).WithWant(model.MakeEntry(l.Map.MFN(model.Frame(l.PA(va).PFN())), want), care|model.FrameMask)
	if m.leaf.Is(model.Present) && m.level <= 2 && (m.leaf.Flags()^want)&care == 0 && (c.effective(m)^want)&care != 0 {
		d = d.Because("an entry above it takes away what it grants")
	}
	return d
}

// leafFlags is what the kernel's leaf of a level for an address of low memory must look
// like, and which flags that says something about. Whether it is global is the kernel's
// choice: flushes see to it.
func (c *Checker) leafFlags(va model.VA, level int) (want, care model.Entry) {
	l := c.s.L
	want = model.Present | model.RW | accessBits | l.Encrypt
	care = model.FlagMask&^(ownBits|model.Global) | l.Encrypt
	if level == 2 {
		want |= model.PSE
	}
	if l.Kernel.HasPGE {
		want |= model.Global
	}
	if l.Kernel.NX && l.Geo.Width == 8 && !isText(l, va, level) {
		want |= model.NX
	}
	if l.Hyper == nil {
		return want, care
	}
	care &^= model.RW
	if l.Geo.SignExtend {
		// The hypervisor sets these, and marks what the kernel keeps for itself.
		care = care&^model.User | model.GuestKernel
		want |= model.GuestKernel
	} else {
		care &^= model.NX
	}
	return want, care
}

// isText reports whether a leaf of a level at va must be executable: a 4K page by its
// start, a large page if its first or last byte is kernel text.
func isText(l *model.Layout, va model.VA, level int) bool {
	if level < 2 {
		return va >= l.Kernel.PageOffset && va <= l.Kernel.TextEnd
	}
	first := va &^ (l.Geo.Span(2) - 1)
	last := l.Geo.Wrap(first + l.Geo.Span(2) - 1)
	return first >= l.Kernel.PageOffset && first <= l.Kernel.TextEnd || last >= l.Kernel.PageOffset && last <= l.Kernel.TextEnd
}

func tellLeaf(v *Violation) string {
	if v.why != "" {
		return fmt.Sprintf("address %s: %s: %s; want %s", v.page(), v.why, v.ends(), v.EntryText(v.want))
	}
	return tellFixmap(v)
}
