package recorded

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// mostShown is how many functions are told of that broke a rule.
const mostShown = 3

// mostHistory is how many stores to the entry that is wrong are told.
const mostHistory = 6

// around is how many slots on either side of an entry are shown of its table.
const around = 2

// witness collects what is told of a suspect while the recording is read again.
type witness struct {
	*suspect
	f       *reports.Finding
	frame   model.Frame
	slot    int
	callers []uint64
	early   bool // its calls are stores from before the frame was a table
	told    bool // the event to blame has passed
	pending *reports.Call
}

// explain reads a recording again and tells of each suspect what its entry was, who stored
// it and when, and what the tables on the way to it were before and after.
func explain(name string, open Opener, list []*suspect, syms *symbols, j *Judgement) ([]*reports.Finding, error) {
	x := &explainer{syms: syms, start: j.About(), replay: "ptcheck judge " + name}
	for _, s := range list {
		x.witnesses = append(x.witnesses, x.witness(s))
	}
	if err := x.read(name, open); err != nil {
		return nil, err
	}
	return x.findings(), nil
}

// explainer reads a recording for several witnesses.
type explainer struct {
	syms          *symbols
	start, replay string
	witnesses     []*witness
	m             *machine
}

func (x *explainer) witness(s *suspect) *witness {
	w := &witness{suspect: s, frame: s.event.Frame, slot: s.event.Slot}
	if f, slot, ok := s.d.Place(); ok {
		w.frame, w.slot = f, slot
	} else if f, ok := s.d.Frame(); ok {
		w.frame, w.slot = f, 0
	}
	w.f = &reports.Finding{
		System: name, Start: x.start, Frames: []string{}, Replay: x.replay, Stack: []reports.Site{}, Walks: []reports.Walk{},
		Rule: s.rule.ID, Says: s.rule.Says, Source: s.rule.Source, Limits: s.rule.TraceLimits(), Detail: s.text,
		Initial: emptyState(), Calls: []reports.Call{},
	}
	if s.count > 1 {
		w.f.Detail += fmt.Sprintf("; %d times by this instruction", s.count)
	}
	return w
}

func emptyState() reports.State {
	return reports.State{Registers: []reports.Register{}, Tables: []reports.Table{}, Pages: []reports.Page{}}
}

// read reads the recording.
func (x *explainer) read(file string, open Opener) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := kernel.NewReader(file, in)
	if err != nil {
		return err
	}
	x.m = newMachine(r, 0, func(*invariants.TraceFinding) {})
	x.m.trace.Mute()
	var e kernel.Event
	for {
		err := r.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if !continues(&e) {
			x.settle()
		}
		for _, w := range x.witnesses {
			x.look(w, &e)
		}
		if err := x.m.event(&e); err != nil {
			return err
		}
	}
	x.settle()
	for _, w := range x.witnesses {
		x.noticed(w, r.Line(), "the recording ends")
	}
	return nil
}

// settle ends the event under way: what it changed is all there.
func (x *explainer) settle() {
	x.m.release()
	for _, w := range x.witnesses {
		if w.pending == nil {
			continue
		}
		w.pending.After = x.state(w)
		if w.told && len(w.pending.Steps) > 0 {
			after := w.pending.After
			w.pending.Steps[0].After = &after
		}
		w.f.Calls = append(w.f.Calls, *w.pending)
		w.pending = nil
		if w.told && len(w.f.Walks) == 0 {
			x.conclude(w)
		}
	}
}

// look shows a witness an event that has not happened yet.
func (x *explainer) look(w *witness, e *kernel.Event) {
	blamed := e.Line == w.event.Line
	switch {
	case w.told:
		if e.Line == w.line {
			x.noticed(w, e.Line, string(e.AppendText(nil)))
		}
		return
	case w.frame == model.NoFrame && !blamed:
		return
	case e.Kind == kernel.Store && e.Level == 0:
		x.early(w, e)
		return
	case e.Kind == kernel.Table && x.m.frame(e.Frame) == w.frame:
		if !w.early {
			w.f.Calls = w.f.Calls[:0]
			w.f.Initial = x.state(w)
		}
		w.early = false
		w.pending = &reports.Call{Text: fmt.Sprintf("line %d: %s is a table of level %d", e.Line, w.frameName(x), e.Level), Steps: []reports.Step{}}
		return
	case e.Kind == kernel.Store && x.m.frame(e.Frame) == w.frame && e.Slot == w.slot && e.Old != e.New:
	case !blamed:
		return
	}
	if len(w.f.Calls) == 0 {
		w.f.Initial = x.state(w)
	}
	if len(w.f.Calls) >= mostHistory {
		w.f.Initial = w.f.Calls[0].After
		w.f.Calls = append(w.f.Calls[:0], w.f.Calls[1:]...)
	}
	w.pending = x.call(e)
	if blamed {
		w.told = true
		w.callers = slices.Clone(e.Callers())
		w.f.Stack = x.syms.stack(e.RIP, w.callers)
		w.f.Stored = telling(w.f.Stack)
	}
}

// early shows a witness a store to its entry from before the frame was a table.
func (x *explainer) early(w *witness, e *kernel.Event) {
	if x.m.frame(e.Frame) != w.frame || e.Slot != w.slot || e.Old == e.New {
		return
	}
	if !w.early {
		w.f.Calls, w.early = w.f.Calls[:0], true
		w.f.Initial = x.state(w)
	}
	if len(w.f.Calls) < mostHistory {
		c := x.call(e)
		c.After = x.state(w)
		w.f.Calls = append(w.f.Calls, *c)
	}
}

func (w *witness) frameName(x *explainer) string { return frameName(x.m.s.L, w.frame) }

// call tells of an event.
func (x *explainer) call(e *kernel.Event) *reports.Call {
	stack := x.syms.stack(e.RIP, e.Callers())
	c := &reports.Call{Text: fmt.Sprintf("line %d: %s", e.Line, describe(x.m.s.L, e)), Site: telling(stack), Steps: []reports.Step{}}
	step := reports.Step{What: what(e), Changes: []reports.Change{}, Stack: stack}
	if e.Kind == kernel.Store {
		step.Changes = append(step.Changes, reports.Change{Frame: fmt.Sprintf("f%x", e.Frame), Slot: e.Slot,
			Old: entryText(x.m.s.L, model.Entry(e.Old)), New: entryText(x.m.s.L, model.Entry(e.New))})
	}
	c.Steps = append(c.Steps, step)
	return c
}

// noticed tells when a rule noticed what had gone wrong earlier.
func (x *explainer) noticed(w *witness, line int, what string) {
	if !w.told || w.line == w.event.Line || line < w.line || len(w.f.Calls) == 0 || w.pending != nil && line != w.line {
		return
	}
	last := w.f.Calls[len(w.f.Calls)-1]
	w.f.Calls = append(w.f.Calls, reports.Call{Text: fmt.Sprintf("line %d: %s: this is where it was noticed", w.line, what), Steps: []reports.Step{}, After: last.After})
	w.line = w.event.Line
}

// conclude leads from a root to what is wrong.
func (x *explainer) conclude(w *witness) {
	path := x.m.trace.Path(w.frame, w.slot)
	if path == nil {
		return
	}
	walk := reports.Walk{Title: fmt.Sprintf("entry %s[%d]", w.frameName(x), w.slot), Hops: []reports.Hop{}}
	if va, ok := w.d.Address(); ok {
		walk.Title = fmt.Sprintf("address %#x, %s", uint64(va), walk.Title)
	}
	for i, h := range path {
		walk.Hops = append(walk.Hops, reports.Hop{Geometry: x.m.s.L.Geo.Name, Level: h.Level, Frame: frameName(x.m.s.L, h.Table), Slot: h.Slot,
			Entry: entryText(x.m.s.L, h.Entry), Wrong: i == len(path)-1})
	}
	w.f.Walks = append(w.f.Walks, walk)
}

// state is what the tables on the way to the witness' entry hold around that way.
func (x *explainer) state(w *witness) reports.State {
	s := emptyState()
	path := x.m.trace.Path(w.frame, w.slot)
	for _, h := range path {
		s.Tables = append(s.Tables, x.table(h))
	}
	return s
}

// table is a table around a slot.
func (x *explainer) table(h invariants.PathHop) reports.Table {
	l := x.m.s.L
	t := reports.Table{Frame: frameName(l, h.Table), Geometry: l.Geo.Name, Level: h.Level, Slots: model.PageSize / l.Geo.Width,
		Role: fmt.Sprintf("L%d", h.Level), Entries: []reports.Entry{}}
	if h.Level == l.Geo.Levels {
		t.Root = "root"
		if x.m.trace.Loaded(h.Table) {
			t.Root = "CR3"
		}
		t.Role += " (" + t.Root + ")"
	}
	for slot := max(0, h.Slot-around); slot <= min(h.Slot+around, t.Slots-1); slot++ {
		e := x.m.s.Entry(l.Geo, h.Table, slot)
		if e == 0 {
			continue
		}
		entry := reports.Entry{Slot: slot, Text: entryText(l, e), Kind: x.kind(h.Level, e), Writable: e.Is(model.RW)}
		if e.Is(model.Present) && l.Map.Frame(l.Names(e)) != model.NoFrame {
			entry.Frame = fmt.Sprintf("f%x", uint64(l.Names(e)))
		}
		t.Entries = append(t.Entries, entry)
	}
	return t
}

func (x *explainer) kind(level int, e model.Entry) string {
	switch {
	case !e.Is(model.Present):
		return reports.NotPresent
	case level == 1:
		return reports.PageEntry
	case x.m.trace.Maps(level, e):
		return reports.LargeEntry
	}
	return reports.TableEntry
}

// findings are what is told: of each rule the first function that broke it, and a few
// others.
func (x *explainer) findings() (out []*reports.Finding) {
	slices.SortStableFunc(x.witnesses, func(a, b *witness) int { return cmp.Compare(a.event.Line, b.event.Line) })
	type key struct{ rule, function string }
	seen, shown := map[key]bool{}, map[string]int{}
	for _, w := range x.witnesses {
		k := key{rule: w.rule.ID}
		if w.f.Stored != nil {
			k.function = w.f.Stored.Function
		}
		if seen[k] || shown[w.rule.ID] == mostShown {
			continue
		}
		seen[k] = true
		shown[w.rule.ID]++
		out = append(out, w.f)
	}
	return out
}
