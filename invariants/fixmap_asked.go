package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func fixmapAsked() Rule {
	return Rule{
		ID:      "fixmap-asked",
		Says:    "A fixmap index maps something only if a call has asked for it, and then what it has asked for.",
		Applies: "when a call ends and nobody is in the middle of another one, to the indexes that map something else than when it began; indexes of kmap_atomic in a kernel that has booted may keep what they were used for last, and setup_done may map devices",
		Source:  "Linux, asm/fixmap.h: enum fixed_addresses gives each index to one user; __early_ioremap, kmap_atomic, __set_fixmap; xen_pagetable_setup_done; set_fixmap_nocache(FIX_APIC_BASE)",
		Limits:  "looks at the tables under the kernel's own root; what an index grants is the business of fixmap-lands and pages-protected",
		Goal:    "a call ends that has asked for an index",
		Tell:    tellAsked,
		check:   checkAsked,
		ops:     []model.Op{model.OpCallBegin, model.OpCallEnd},
	}
}

// fixed is what a fixmap index maps.
type fixed struct {
	mapped bool
	to     model.MFN
}

// slotUse says which calls ask for a fixmap index, and what it maps when they end.
type slotUse struct {
	kind model.CallKind // CallNone: any
	// asks reports whether a call asks for the index.
	asks func(l *model.Layout, call *model.Call, index int) bool
	// wants reports whether it asks for that machine frame; nil: the call gives the index
	// up, and it maps nothing any more.
	wants func(l *model.Layout, call *model.Call, to model.MFN) bool
}

// slotUses are all of them.
func slotUses() [8]slotUse {
	its := func(l *model.Layout, call *model.Call, index int) bool { return index == call.Index }
	from := func(l *model.Layout, call *model.Call, to model.MFN) bool {
		return to == l.Map.MFN(model.Frame(call.From))
	}
	return [...]slotUse{
		{model.CallFixmap, its, from},
		{model.CallAlias, its, from},
		{model.CallKmap, func(l *model.Layout, call *model.Call, index int) bool {
			return index == l.Early.Kmap+call.Index
		}, from},
		{model.CallEarlyRemap, func(l *model.Layout, _ *model.Call, index int) bool {
			return index >= l.Early.Window && index < l.Early.Window+l.Early.Windows
		}, from},
		{model.CallEarlyUnmap, func(l *model.Layout, call *model.Call, index int) bool {
			return index == l.Early.Window+call.Index
		}, nil},
		{model.CallSetupDone, func(l *model.Layout, _ *model.Call, index int) bool {
			return l.Hyper != nil && index == l.Kernel.FixSharedInfo
		}, func(l *model.Layout, _ *model.Call, to model.MFN) bool { return to == l.Kernel.SharedInfo }},
		{model.CallSetupDone, func(*model.Layout, *model.Call, int) bool { return true },
			func(l *model.Layout, _ *model.Call, to model.MFN) bool { return l.IsDevice(to) }},
		{model.CallNone, func(l *model.Layout, _ *model.Call, index int) bool {
			return l.Life != nil && (index == l.Life.KmapPTE || index == l.Life.KmapPage)
		}, func(l *model.Layout, _ *model.Call, to model.MFN) bool { return l.Map.IsGuest(l.Map.Frame(to)) }},
	}
}

func checkAsked(c *Checker, st *model.Step) result {
	l, m := c.s.L, c.call
	if st.Op == model.OpCallBegin {
		m.fixmap = append(m.fixmap, c.fixmap()...)
		return silent
	}
	if st.Busy {
		return silent
	}
	out, came := silent, 0
	for i, is := range c.fixmap()[:min(len(m.fixmap), l.Kernel.NrFixed)] {
		want := wishes(l, &st.Call, i, is.to)
		if want.asked {
			out = held
		}
		if !is.mapped || is == m.fixmap[i] && !want.gone {
			continue
		}
		if came++; !want.granted || came > 1 && st.Call.Kind == model.CallEarlyRemap {
			va := l.Fix(i)
			now, _ := resolve(c.s, l.Geo, model.Frame(l.Kernel.Root), va)
			return c.fail(c.at(va, l.Geo, now).WithFrame(l.Map.Frame(is.to)).WithCounts(i, 0))
		}
	}
	return out
}

// wish is what a call wants of a fixmap index.
type wish struct {
	asked   bool // it is about the index
	granted bool // to map what it maps now
	gone    bool // to map nothing
}

// wishes is what a call wants of a fixmap index that maps a machine frame.
func wishes(l *model.Layout, call *model.Call, index int, to model.MFN) (w wish) {
	for _, u := range slotUses() {
		if u.kind != model.CallNone && u.kind != call.Kind || !u.asks(l, call, index) {
			continue
		}
		w.asked = true
		if u.wants == nil {
			w.gone = true
		} else {
			w.granted = w.granted || u.wants(l, call, to)
		}
	}
	return w
}

// fixmap is what each fixmap index maps under the kernel's root.
func (c *Checker) fixmap() []fixed {
	k := &c.trees.kernel
	w := way{k.geo, k.root, c.s.CPU.CR4, c.s.CPU.NXE}
	a, known := c.memo.ask(&c.memo.fixmap, w)
	if known {
		return a.fixmap
	}
	a.fixmap = a.fixmap[:0]
	for i := range c.s.L.Kernel.NrFixed {
		is, read := c.fixed(i)
		a.fixmap, a.read = append(a.fixmap, is), a.read|read
	}
	return a.fixmap
}

// fixed is what a fixmap index maps under the kernel's root, and the tables that say so.
func (c *Checker) fixed(index int) (is fixed, read uint64) {
	l := c.s.L
	if c.trees.kernel.geo == nil {
		return fixed{}, 0
	}
	m, ok := resolve(c.s, l.Geo, c.trees.kernel.root, l.Fix(index))
	if !ok {
		return fixed{}, m.read
	}
	return fixed{true, l.Names(m.leaf)}, m.read
}

func tellAsked(v *Violation) string {
	return fmt.Sprintf("address %s, fixmap index %d, maps %s, which nobody has asked for there: %s", v.page(), v.count, v.target(v.is), v.ends())
}
