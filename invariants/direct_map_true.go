package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func directMapTrue() Rule {
	return Rule{
		ID:      "direct-map-true",
		Says:    "Each leaf of the direct map leads to its own frame, as it is stored, and no entry of a table in use names a frame that is neither the guest's nor a device's that it may map.",
		Applies: "at each step to the entries that it changes or brings into use, where memory is encrypted also to their encryption bit; when a call ends to the whole direct map under CR3 and under the kernel's root",
		Source:  "Linux, include/asm-i386/page.h: __va and __pa; xen_make_pte and mfn_to_pfn (arch/i386/xen/mmu.c) convert between the two kinds of frame numbers; AMD APM vol. 2, 7.10 (encrypted memory)",
		Limits:  "shared_info may be named too; entries that head.S left behind may name memory that does not exist, until the kernel writes them",
		Goal:    "a leaf of the direct map is written",
		Tell:    tellDirectMap,
		check:   checkDirectMap,
		heeds:   newEntries | newTables,
		ops:     entryOps,
	}
}

func checkDirectMap(c *Checker, st *model.Step) result {
	out := silent
	c.trees.eachNew(c.s, func(e *edit) bool {
		if !e.now.Is(model.Present) {
			return true
		}
		of := c.trees.of(e.trees)
		leaf := e.level == 1 || largeLeaf(c.s, of.geo, e.level, e.now)
		to := c.s.L.Names(e.now)
		if leaf && e.level > 1 {
			to &^= model.MFN(of.geo.Span(e.level)/model.PageSize) - 1 // the lowest bit of a large page's number is PAT
		}
		f := c.s.L.Map.Frame(to)
		va := of.address(e.table, e.level, e.slot)
		pfn := c.s.L.PA(va).PFN()
		switch {
		case !c.given(f) && !c.headsOwn(e) && !(leaf && c.s.L.IsDevice(to)),
			leaf && pfn < c.s.L.Kernel.MaxLowPFN && f != model.Frame(pfn):
			out = c.fail(atEntry(e.table, e.slot, e.now).WithAddress(va).WithFrame(f))
			return false
		case leaf && pfn < c.s.L.Kernel.MaxLowPFN && e.now&c.s.L.Encrypt != c.s.L.Encrypt:
			out = c.fail(atEntry(e.table, e.slot, e.now).WithAddress(va).WithFrame(f).Because(plain))
			return false
		case leaf && pfn < c.s.L.Kernel.MaxLowPFN:
			out = held
		}
		return true
	})
	if out == broken || st.Op != model.OpCallEnd {
		return out
	}
	trees := [...]*tree{&c.trees.active, &c.trees.kernel}
	for i, t := range trees {
		if t.geo == nil {
			continue
		}
		if i == 1 && c.trees.same() {
			c.sweeps.direct[i].done(t)
			continue
		}
		good := c.directOf(&c.sweeps.direct[i], t, func(pfn model.PFN, m mapping, ok bool) bool {
			if ok && c.leadsTo(m) != model.Frame(pfn) {
				out = c.fail(c.at(c.s.L.VA(pfn.PA()), t.geo, m).WithFrame(c.leadsTo(m)))
				return false
			}
			return true
		})
		if !good {
			return out
		}
	}
	return out
}

// headsOwn reports whether an entry is one that head.S left behind, in a table that
// another root now uses.
func (c *Checker) headsOwn(e *edit) bool {
	return c.s.L.Hyper == nil && e.came && c.start.tables[e.table]
}

// given reports whether the guest may name a frame: its own memory, and the page
// that it shares with the hypervisor.
func (c *Checker) given(f model.Frame) bool {
	if c.s.L.Map.IsGuest(f) {
		return true
	}
	h := c.s.L.Hyper
	if f < 0 || h == nil {
		return false
	}
	n := int(f) - c.s.L.Map.Guest()
	return n < len(h.Extra) && h.Extra[n].Kind == model.SharedInfo
}

// plain is said of a leaf without the encryption bit, where memory has been written
// with it.
const plain = "is read without decryption"

func tellDirectMap(v *Violation) string {
	l := v.State.L
	if v.why != "" {
		return fmt.Sprintf("address %s, the direct map of %s, %s: %s", v.page(), v.name(v.frame), v.why, v.ends())
	}
	if pfn := l.PA(v.address).PFN(); l.Map.IsGuest(v.frame) && pfn < l.Kernel.MaxLowPFN {
		return fmt.Sprintf("address %s, the direct map of %s, leads to %s: %s", v.page(), v.name(model.Frame(pfn)), v.name(v.frame), v.ends())
	}
	return fmt.Sprintf("for address %s %s, which names no frame of the guest's", v.page(), v.entry())
}
