package invariants

import "github.com/ptcheck/ptcheck/model"

func noWriteExecute() Rule {
	return Rule{
		ID:      "no-write-execute",
		Says:    "Once the kernel has sealed itself, no page of its own is writable and executable.",
		Applies: "to recordings of real kernels",
		Source:  "Linux, mark_rodata_ro and ptdump_check_wx; Documentation/security/self-protection.rst",
		Limits:  "two mappings of a page, one writable and one executable, are not compared; the kernel counts as sealed when user mode has pages and no such page is left, or when the recording ends",
		Goal:    "the kernel seals itself, or the recording ends",
		trace: &traceRule{
			applies: "where the mode has no-execute",
			ops:     []TraceOp{TraceStore, TraceAdopt, TraceEnd},
			check:   traceWriteExecute,
			on:      OnMetal,
		},
	}
}

// traceWriteExecute judges an event of a trace.
func traceWriteExecute(t *Trace, e *TraceEvent) (Detail, result) {
	l := &t.leaves
	if !t.noExecute() {
		return Detail{}, silent
	}
	if e.Op == TraceEnd {
		return t.leftWriteExecute()
	}
	if !l.sealed || len(l.writeExec) == 0 {
		return Detail{}, silent
	}
	at := leafPlace{e.Frame, e.Slot}
	if e.Op == TraceStore {
		if _, bad := l.writeExec[at]; !bad || !t.executes(at) || e.Old&(model.Present|model.RW|model.NX) == model.Present|model.RW {
			return Detail{}, silent
		}
		return t.leafDetail(at), broken
	}
	for slot := range t.slots() {
		at.slot = slot
		if _, bad := l.writeExec[at]; bad && t.executes(at) {
			return t.leafDetail(at), broken
		}
	}
	return Detail{}, silent
}

// leftWriteExecute judges what is left when the recording ends of a kernel that runs user
// mode.
func (t *Trace) leftWriteExecute() (Detail, result) {
	if !t.leaves.user {
		return Detail{}, silent
	}
	var first *TraceEvent
	for at, e := range t.leaves.writeExec {
		if (first == nil || e.before(first)) && t.executes(at) {
			first = &e
		}
	}
	if first == nil {
		return Detail{}, held
	}
	n := 0
	for at := range t.leaves.writeExec {
		if t.executes(at) {
			n++
		}
	}
	t.blame = first
	return t.leafDetail(leafPlace{first.Frame, first.Slot}).WithCounts(n, 0), broken
}

// before reports whether an event about an entry comes first: by its line, then by its
// place.
func (e *TraceEvent) before(o *TraceEvent) bool {
	if e.Line != o.Line {
		return e.Line < o.Line
	}
	if e.Frame != o.Frame {
		return e.Frame < o.Frame
	}
	return e.Slot < o.Slot
}

// executes reports whether the tables above a leaf leave it writable and executable.
func (t *Trace) executes(at leafPlace) bool {
	tb := t.tables[at.frame]
	for tb != nil && len(tb.parents) > 0 {
		p := tb.parents[0]
		e := t.entry(p.table.frame, p.slot)
		pae := t.levels == 3 && p.table.level == 3
		if e.Is(model.NX) || !e.Is(model.RW) && !pae {
			return false
		}
		tb = p.table
	}
	return tb != nil && tb.level == t.levels
}

// leafDetail points at a leaf and its address.
func (t *Trace) leafDetail(at leafPlace) Detail {
	d := atEntry(at.frame, at.slot, t.entry(at.frame, at.slot))
	if va, ok := t.address(t.tables[at.frame], at.slot); ok {
		d = d.WithAddress(va)
	}
	return d
}
