package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

func userKernelSplit() Rule {
	return Rule{
		ID:      "user-kernel-split",
		Says:    "User mode reaches no page of the kernel's; on a processor that would read them all the same it runs on tables without them.",
		Applies: "to recordings of real kernels",
		Source:  "Linux, arch/x86/mm/pti.c (pti_init, pti_clone_p4d); Intel SDM vol. 3, 4.6",
		Limits:  "which processors need tables of their own for user mode is taken from the recording's header; that these tables lack the direct map is looked at for four levels",
		Goal:    "a page of the kernel's comes; user mode runs on a processor that needs the split",
		trace: &traceRule{
			applies: "to each new leaf of the kernel's part, to each load of a root for user mode, and at the end",
			ops:     []TraceOp{TraceStore, TraceAdopt, TraceLoad, TraceEnd},
			check:   traceUserKernel,
			on:      OnMetal,
		},
	}
}

// vsyscall is the page of the kernel's part that user mode may read: VSYSCALL_ADDR.
const vsyscall model.VA = 0xffff_ffff_ff60_0000

// traceUserKernel judges an event of a trace.
func traceUserKernel(t *Trace, e *TraceEvent) (Detail, result) {
	switch e.Op {
	case TraceStore:
		if !e.New.Is(model.Present) || !t.isLeaf(e.Level, e.New) {
			return Detail{}, silent
		}
		return t.openToUser(t.tables[e.Frame], e.Slot, e.New)
	case TraceAdopt:
		return t.openTable(t.tables[e.Frame])
	case TraceLoad:
		return t.splitRoot(e)
	}
	if !t.about.Isolate || !t.leaves.user {
		return Detail{}, silent
	}
	if !t.shared.split {
		return Detail{}.Because("the processor needs separate tables for user mode, and user mode ran on the kernel's"), broken
	}
	return Detail{}, held
}

// openTable judges a table that has come into use.
func (t *Trace) openTable(tb *tracedTable) (d Detail, r result) {
	t.eachEntry(tb, func(slot int, e model.Entry) {
		if r == broken || !e.Is(model.Present) || !t.isLeaf(tb.level, e) {
			return
		}
		if d2, r2 := t.openToUser(tb, slot, e); r2 != silent {
			d, r = d2, r2
		}
	})
	return d, r
}

// openToUser judges a leaf that says that user mode may use it.
func (t *Trace) openToUser(tb *tracedTable, slot int, e model.Entry) (Detail, result) {
	va, ok := t.address(tb, slot)
	if !ok || t.user(va) || va == vsyscall {
		return Detail{}, silent
	}
	if !e.Is(model.User) {
		return Detail{}, held
	}
	for at := tb; len(at.parents) > 0; at = at.parents[0].table {
		p := at.parents[0]
		above := t.entry(p.table.frame, p.slot)
		pae := t.levels == 3 && p.table.level == 3
		if !above.Is(model.User) && !pae {
			return Detail{}, held
		}
	}
	return atEntry(tb.frame, slot, e).WithAddress(va), broken
}

// Root slots whose tables user mode shares with the kernel, with four levels
// (Documentation/x86/x86_64/mm.rst): LDT remap, cpu_entry_area, espfix. What else it needs
// of the kernel, such as the text of entries and a word for each processor, has tables of
// its own.
var splitSlots = [...]int{272, 508, 510}

// splitRoot judges the load of a root for user mode.
func (t *Trace) splitRoot(e *TraceEvent) (Detail, result) {
	tb := t.tables[t.cpu(e.CPU).root]
	kernel := t.partner(tb)
	if e.Reg != 3 || kernel == nil {
		return Detail{}, silent
	}
	t.shared.split = true
	key := rootKey{frame: tb.frame}
	if t.levels != 4 || t.shared.checked[key] == t.shared.version {
		return Detail{}, silent
	}
	t.shared.checked[key] = t.shared.version
	for slot := t.slots() / 2; slot < t.slots(); slot++ {
		is, theirs := t.entry(tb.frame, slot), t.entry(kernel.frame, slot)
		if is.Is(model.Present) && t.s.L.Names(is) == t.s.L.Names(theirs) && !slices.Contains(splitSlots[:], slot) {
			va, _ := t.address(tb, slot)
			return atEntry(tb.frame, slot, is).WithAddress(va).Because("user mode's tables lead to the kernel's"), broken
		}
	}
	return Detail{}, held
}

// partner is the kernel's root beside a root for user mode: the frame in front of it, which
// leads to the same tables of user mode. Nil if it is no such root.
func (t *Trace) partner(tb *tracedTable) *tracedTable {
	if tb == nil || !tb.root || t.levels <= 3 {
		return nil
	}
	n := t.s.L.Map.MFN(tb.frame)
	if n&1 == 0 {
		return nil
	}
	k := t.tables[t.s.L.Map.Frame(n-1)]
	if k == nil || !k.root || k.level != tb.level {
		return nil
	}
	for slot := range t.slots() / 2 {
		a, b := t.entry(tb.frame, slot), t.entry(k.frame, slot)
		if a.Is(model.Present) && b.Is(model.Present) && t.s.L.Names(a) == t.s.L.Names(b) {
			return k
		}
	}
	return nil
}
