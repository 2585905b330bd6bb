package invariants

import "github.com/ptcheck/ptcheck/model"

// leafPlace is where a leaf stands.
type leafPlace struct {
	frame model.Frame
	slot  int
}

// leaves are the leaves that rules want to know of at any time.
type leaves struct {
	// writeExec are those of the kernel's part that are writable and executable by
	// themselves, with the stores that made them so.
	writeExec map[leafPlace]TraceEvent
	// userPages counts the leaves that map a frame for user mode, by frame number.
	userPages map[model.MFN]int
	// user says that there has been a page for user mode; sealed, that then there was no
	// leaf of the kernel's left that is writable and executable.
	user, sealed bool
	// data and code count writable pages for user mode that are not executable and that
	// are, as they came; firstCode is the first of the latter.
	data, code uint64
	firstCode  TraceEvent
}

func (l *leaves) reset() {
	l.writeExec, l.userPages = map[leafPlace]TraceEvent{}, map[model.MFN]int{}
}

// noExecute reports whether the mode has no-execute: EFER.NXE on any processor.
func (t *Trace) noExecute() bool {
	const nxe = 1 << 11
	for i := range t.cpus {
		if t.cpus[i].efer&nxe != 0 {
			return t.width == 8
		}
	}
	return false
}

// leafChanged takes in that an entry of a table was old and is now.
func (t *Trace) leafChanged(tb *tracedTable, e *TraceEvent, slot int, old, now model.Entry) {
	was := tb.counted && old.Is(model.Present) && t.isLeaf(tb.level, old)
	is := now.Is(model.Present) && t.isLeaf(tb.level, now)
	at := leafPlace{tb.frame, slot}
	if was {
		delete(t.leaves.writeExec, at)
		t.leaves.count(t, tb, old, -1)
	}
	if is {
		t.leaves.count(t, tb, now, 1)
		t.newLeaf(tb, e, at, now, was && old.Is(model.RW|model.User))
	}
	if t.leaves.user && len(t.leaves.writeExec) == 0 {
		t.leaves.sealed = true
	}
}

// count counts a small leaf that user mode may use.
func (l *leaves) count(t *Trace, tb *tracedTable, e model.Entry, by int) {
	if tb.level > 1 || !e.Is(model.User) {
		return
	}
	n := t.s.L.Names(e)
	if l.userPages[n] += by; l.userPages[n] <= 0 {
		delete(l.userPages, n)
	}
}

// newLeaf takes in a leaf. writable says that it was a writable one for user mode already.
func (t *Trace) newLeaf(tb *tracedTable, e *TraceEvent, at leafPlace, now model.Entry, writable bool) {
	va, ok := t.address(tb, at.slot)
	l := &t.leaves
	switch {
	case !ok:
	case !t.user(va):
		if now&(model.RW|model.NX) == model.RW {
			l.writeExec[at] = e.at(tb, at.slot, now)
		}
	case t.about.Xen && now.Is(model.GuestKernel):
		// The kernel's, by the hypervisor's mark: builders put things into the lower half.
	case now.Is(model.User):
		l.user = true
		switch {
		case !now.Is(model.RW) || writable:
		case now.Is(model.NX):
			l.data++
		default:
			if l.code == 0 {
				l.firstCode = e.at(tb, at.slot, now)
			}
			l.code++
		}
	}
}

// at is an event that is about an entry which it has made.
func (e *TraceEvent) at(tb *tracedTable, slot int, now model.Entry) TraceEvent {
	out := *e
	out.Frame, out.Level, out.Slot, out.New = tb.frame, tb.level, slot, now
	return out
}
