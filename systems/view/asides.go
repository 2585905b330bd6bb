package view

import (
	"fmt"
	"runtime"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// heldBack is an update that kernel code has held back.
type heldBack struct {
	cpu, call, step int
	frame           model.Frame
	slot            int
	entry           model.Entry
	stack           []reports.Site
}

// carriedOut is the step that carried one out.
type carriedOut struct {
	call, step int
	by         heldBack
}

// memoryRead is a read of an entry or of a flag of a page, before the step with a number.
type memoryRead struct {
	cpu, step int
	frame     model.Frame
	slot      int
	flag      string // "" of an entry
	value     model.Entry
	waiting   bool // an update of what was read was held back at that time
	stack     []uintptr
	abroad    [][]model.Place
}

// memoryChange is a change of an entry or of a flag, by the step with a number.
type memoryChange struct {
	cpu, step int
	frame     model.Frame
	slot      int
	flag      string
}

// asides are what a log keeps of what is no step. Reads and changes are those of the call;
// what is held back may have to wait for another.
type asides struct {
	call    int
	held    []heldBack
	done    []carriedOut
	carried *heldBack // that which the last step has carried out
	reads   []memoryRead
	stored  []memoryChange
	lastCPU int
}

// mostReads is how many reads of a call a log keeps: the last ones.
const mostReads = 1 << 14

// begin starts the asides of a call.
func (a *asides) begin() {
	a.call++
	a.reads, a.stored, a.carried = a.reads[:0], a.stored[:0], nil
}

// Aside takes down what kernel code does between its steps. What it does to flags and
// what it holds back is told like a step.
func (l *StepLog) Aside(a model.Aside) {
	l.lastCPU = a.CPU
	slot := a.Off / geometryOf(l.State, a.Frame).Width
	switch a.Kind {
	case model.AsideRead, model.AsideFlag:
		if len(l.reads) == mostReads {
			l.reads = append(l.reads[:0], l.reads[mostReads/2:]...)
		}
		r := memoryRead{cpu: a.CPU, step: len(l.Steps) + 1, frame: a.Frame, slot: slot, flag: a.Flag, value: a.Value, stack: stackHere(), abroad: l.Trail.places()}
		for _, h := range l.held {
			r.waiting = r.waiting || a.Kind == model.AsideRead && h.frame == a.Frame && h.slot == slot
		}
		l.reads = append(l.reads, r)
	case model.AsideMark:
		l.stored = append(l.stored, memoryChange{a.CPU, len(l.Steps) + 1, a.Frame, slot, a.Flag})
	case model.AsideHold:
		l.held = append(l.held, heldBack{a.CPU, l.call, len(l.Steps) + 1, a.Frame, slot, a.Value, l.Trail.Here()})
	}
	if text := l.asideText(&a, slot); text != "" && len(l.Steps) < mostSteps {
		l.Steps = append(l.Steps, reports.Step{What: l.onCPU(a.CPU, text), Changes: []reports.Change{}, Stack: l.Trail.Here()})
	}
}

// asideText says what kernel code did, "" of mere reads of memory.
func (l *StepLog) asideText(a *model.Aside, slot int) string {
	layout := l.State.L
	is := [...]string{"clear", "set"}[a.Value&1]
	switch a.Kind {
	case model.AsideFlag:
		return fmt.Sprintf("read flag %s of %s: %s", a.Flag, FrameName(layout, a.Frame), is)
	case model.AsideMark:
		return fmt.Sprintf("flag %s of %s: %s", a.Flag, FrameName(layout, a.Frame), is)
	case model.AsideHold:
		return fmt.Sprintf("hold back %s[%d] %s", FrameName(layout, a.Frame), slot, EntryText(layout, a.Value))
	}
	return ""
}

// stepped takes down what a step changes, and whether it carries out what was held back.
func (l *StepLog) stepped(s *model.Step) {
	l.lastCPU, l.carried = s.CPU, nil
	step := len(l.Steps) + 1
	for w := range l.State.Writes {
		g := geometryOf(l.State, w.Frame)
		for i := range 8 / g.Width {
			if half(g, w.Old, i) != half(g, l.State.Word(w.Frame, w.Word), i) {
				l.stored = append(l.stored, memoryChange{cpu: s.CPU, step: step, frame: w.Frame, slot: w.Word*8/g.Width + i})
			}
		}
	}
	if s.Op != model.OpMMUUpdate {
		return
	}
	slot := s.Off / l.State.L.Geo.Width
	for i, h := range l.held {
		if h.cpu == s.CPU && h.frame == s.Frame && h.slot == slot && h.entry == model.Entry(s.Value) {
			l.held = append(l.held[:i], l.held[i+1:]...)
			l.carried = &h
			l.done = append(l.done, carriedOut{l.call, step, h})
			return
		}
	}
}

// heldAt is the update that a step carried out, nil if it had not been held back.
func (l *StepLog) heldAt(call, step int) *heldBack {
	for i := range l.done {
		if l.done[i].call == call && l.done[i].step == step {
			return &l.done[i].by
		}
	}
	return nil
}

// staleRead is a read that was out of date when its reader went on.
type staleRead struct {
	memoryRead
	by memoryChange // the other processor's
}

// staleReads are those of the call, oldest first: the other processor changed what was
// read, and the reader went on; or an update of it was held back when it was read.
func (l *StepLog) staleReads() (out []staleRead) {
	for _, r := range l.reads {
		if r.waiting {
			out = append(out, staleRead{memoryRead: r})
			continue
		}
		for _, c := range l.stored {
			if c.cpu != r.cpu && c.frame == r.frame && c.slot == r.slot && c.flag == r.flag && c.step >= r.step && l.wentOn(r.cpu, c.step) {
				out = append(out, staleRead{r, c})
				break
			}
		}
	}
	return out
}

// wentOn reports whether a processor has changed something after a step, or was the last
// one that did anything.
func (l *StepLog) wentOn(cpu, after int) bool {
	if l.lastCPU == cpu {
		return true
	}
	for _, c := range l.stored {
		if c.cpu == cpu && c.step > after {
			return true
		}
	}
	return false
}

// text says what was read, and why it did not hold.
func (r *staleRead) text(l *model.Layout) string {
	what := fmt.Sprintf("cpu%d read %s[%d] as %s", r.cpu, FrameName(l, r.frame), r.slot, EntryText(l, r.value))
	if r.flag != "" {
		what = fmt.Sprintf("cpu%d read flag %s of %s as %s", r.cpu, r.flag, FrameName(l, r.frame), [...]string{"clear", "set"}[r.value&1])
	}
	if r.waiting {
		return what + " while an update of it was held back"
	}
	return fmt.Sprintf("%s, and went on after cpu%d had changed it in step %d", what, r.by.cpu, r.by.step)
}

// stackHere is the stack of whoever is noted.
func stackHere() []uintptr {
	var pcs [64]uintptr
	n := runtime.Callers(3, pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}
