package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func ramOnly() Rule {
	return Rule{
		ID:      "ram-only",
		Says:    "The direct map maps RAM and nothing else, each frame at its own address.",
		Applies: "when a call of a later kernel ends, from setup_start on; a 64-bit kernel clears what the boot tables map past a range when it maps that range",
		Source:  "Linux 551889a6e2a2 (boot tables that map past the end of memory), 24bdb0b62cc8 (the end of low memory), xen_set_pte_init (frames without a machine frame)",
		Limits:  "which frames are RAM is taken from the machine's memory map, not from the kernel's records",
		Goal:    "a call ends",
		Kernel:  LaterKernel,
		From:    model.PhaseStarted,
		Tell:    tellRAMOnly,
		check:   checkRAMOnly,
		trace: &traceRule{
			applies: "to each new leaf of the direct map, which lies where most stores to tables show it to be",
			limits:  "the first MiB may be mapped whole",
			ops:     []TraceOp{TraceStore, TraceAdopt},
			check:   traceRAMOnly,
			on:      OnMetal,
		},
		ops: []model.Op{model.OpCallEnd},
	}
}

func checkRAMOnly(c *Checker, _ *model.Step) result {
	e, g, b := c.s.L.Early, c.s.Active(), &c.s.Kernel.Buffer
	if g.SignExtend && b.Mapped == 0 && !b.Is(model.TopDone) {
		return silent
	}
	good := c.throughDirect(&c.sweeps.ram, func(from, to model.PFN) bool {
		w := walker{s: c.s, g: g, root: c.s.CPU.CR3}
		for pfn := from; pfn < to; {
			va := g.Wrap(c.s.L.VA(pfn.PA()))
			c.pages++
			m, ok := w.resolve(va)
			ram := e.IsRAM(pfn) || e.Extra.Has(pfn) && b.Is(model.Ballooned)
			if ok && (!ram || m.frame != model.Frame(pfn)) {
				c.fail(c.at(va, g, *m).WithFrame(m.frame))
				return false
			}
			if ok {
				pfn++
			} else {
				pfn = nextEntry(c.s.L, *m, g, pfn)
			}
		}
		return true
	})
	if !good {
		return broken
	}
	return held
}

func tellRAMOnly(v *Violation) string {
	if v.why != "" {
		return v.parts()
	}
	own := model.Frame(v.State.L.PA(v.address).PFN())
	if v.frame >= 0 && v.frame != own {
		return fmt.Sprintf("address %s, the direct map of %s, leads to %s: %s", v.page(), v.name(own), v.name(v.frame), v.entry())
	}
	return fmt.Sprintf("address %s is mapped, and there is no RAM: %s", v.page(), v.entry())
}

// traceRAMOnly judges an event of a trace.
func traceRAMOnly(t *Trace, e *TraceEvent) (d Detail, r result) {
	tb := t.tables[e.Frame]
	if e.Op == TraceStore {
		if !e.New.Is(model.Present) || e.Old == e.New || !t.isLeaf(e.Level, e.New) {
			return Detail{}, silent
		}
		return t.directLeaf(tb, e.Slot, e.New)
	}
	t.eachEntry(tb, func(slot int, now model.Entry) {
		if r != broken && now.Is(model.Present) && t.isLeaf(tb.level, now) {
			d, r = t.directLeaf(tb, slot, now)
		}
	})
	return d, r
}

// lowMemory is what the kernel may map whole: the first MiB, with the holes of old
// machines in it.
const lowMemory = model.PFN(1 << 20 >> model.PageShift)

// directLeaf judges a leaf if it belongs to the direct map.
func (t *Trace) directLeaf(tb *tracedTable, slot int, e model.Entry) (Detail, result) {
	va, ok := t.address(tb, slot)
	if !ok || !t.inDirectMap(va) {
		return Detail{}, silent
	}
	pages := model.PFN(t.pages(tb.level))
	first := model.PFN((va - t.about.Direct) >> model.PageShift)
	n := model.PFN(t.s.L.Names(e)) &^ (pages - 1)
	if n != first {
		return atEntry(tb.frame, slot, e).WithAddress(va).Because("it is not at its own address"), broken
	}
	for p := first; p < first+pages; p++ {
		if p >= lowMemory && !t.isRAM(p) {
			return atEntry(tb.frame, slot, e).WithAddress(va).Because("the machine has no memory there"), broken
		}
	}
	return Detail{}, held
}

// isRAM reports whether the machine has memory at a frame.
func (t *Trace) isRAM(p model.PFN) bool {
	for _, r := range t.about.RAM {
		if r.Has(p) {
			return true
		}
	}
	return false
}
