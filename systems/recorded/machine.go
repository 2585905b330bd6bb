package recorded

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// machine carries out the events of a recording on the words of a state.
type machine struct {
	r     *kernel.Reader
	s     *model.State
	trace *invariants.Trace
	// held is the event whose tables are still being told of.
	held    invariants.TraceEvent
	holding bool
	// filling is the table that runs belong to, in slots from first on.
	filling model.Frame
	last    kernel.Event
}

// newMachine makes the machine that a recording begins on.
func newMachine(r *kernel.Reader, found func(*invariants.TraceFinding)) (*machine, error) {
	l, err := layoutOf(&r.Header)
	if err != nil {
		return nil, err
	}
	m := &machine{r: r, s: model.NewState(l), filling: model.NoFrame}
	m.trace = invariants.NewTrace(m.s, about(&r.Header), found)
	return m, nil
}

// event carries out an event.
func (m *machine) event(e *kernel.Event) error {
	switch e.Kind {
	case kernel.Table:
		return m.table(e)
	case kernel.Run:
		return m.run(e)
	case kernel.Mode:
		return m.setMode(e.Level)
	}
	m.release()
	switch e.Kind {
	case kernel.Control:
		m.hold(invariants.TraceEvent{Op: invariants.TraceLoad, Reg: e.Reg, CR0: e.CR0, CR3: e.CR3, CR4: e.CR4, EFER: e.EFER}, e)
	case kernel.Store:
		return m.store(e)
	case kernel.Release:
		f := m.s.L.Map.Frame(model.MFN(e.Frame))
		m.trace.Release(m.place(invariants.TraceEvent{Op: invariants.TraceRelease, Frame: f, Level: e.Level}, e))
	case kernel.Drop:
		m.trace.Unroot(m.s.L.Map.Frame(model.MFN(e.Frame)))
	case kernel.Invlpg:
		m.trace.Flush(m.place(invariants.TraceEvent{Op: invariants.TraceFlush, VA: model.VA(e.VA), All: e.Unknown, Globals: true}, e))
	case kernel.Invpcid:
		m.trace.Flush(m.place(invariants.TraceEvent{Op: invariants.TraceFlush, All: true, Globals: true}, e))
	}
	return nil
}

// end says that the recording is over.
func (m *machine) end() {
	m.release()
	e := invariants.TraceEvent{Op: invariants.TraceEnd, Line: m.r.Line(), Frame: model.NoFrame}
	m.trace.End(&e)
}

// place fills in where an event happened.
func (m *machine) place(t invariants.TraceEvent, e *kernel.Event) *invariants.TraceEvent {
	t.CPU, t.Line, t.RIP = e.CPU, e.Line, e.RIP
	return &t
}

// hold keeps an event until the tables are known that it brings into use.
func (m *machine) hold(t invariants.TraceEvent, e *kernel.Event) {
	m.held, m.holding = *m.place(t, e), true
}

// release tells the trace of the event that was held.
func (m *machine) release() {
	if !m.holding {
		return
	}
	m.holding = false
	if m.held.Op == invariants.TraceStore {
		m.trace.Store(&m.held)
	} else {
		m.trace.Load(&m.held)
	}
	m.s.Commit()
}

// table begins a table, empty.
func (m *machine) table(e *kernel.Event) error {
	f := m.s.L.Map.Frame(model.MFN(e.Frame))
	if f == model.NoFrame {
		return m.r.Errorf("the table at frame %x lies outside the machine's memory", e.Frame)
	}
	first, slots := 0, model.PageSize/m.s.L.Geo.Width
	if e.Level == 3 && m.s.L.Geo.PAERoot {
		first, slots = e.Offset/8, 4
	}
	for i := first; i < min(first+slots, model.PageSize/m.s.L.Geo.Width); i++ {
		m.s.SetEntry(m.s.L.Geo, f, i, 0)
	}
	m.filling = f
	m.trace.Adopt(f, e.Level, e.Root, first)
	return nil
}

// run fills entries of the table that was begun.
func (m *machine) run(e *kernel.Event) error {
	if m.filling == model.NoFrame {
		return m.r.Errorf("a run of entries without a table in front of it")
	}
	if e.Slot+e.Count > model.PageSize/m.s.L.Geo.Width {
		return m.r.Errorf("the run ends behind the table")
	}
	for i := range e.Count {
		m.s.SetEntry(m.s.L.Geo, m.filling, e.Slot+i, model.Entry(e.New+uint64(i)*e.Stride))
	}
	return nil
}

// used are the bits of an entry that the processor sets by itself.
const used = model.Accessed | model.Dirty

// store stores an entry.
func (m *machine) store(e *kernel.Event) error {
	g := m.s.L.Geo
	f := m.s.L.Map.Frame(model.MFN(e.Frame))
	switch {
	case f == model.NoFrame:
		return m.r.Errorf("frame %x lies outside the machine's memory", e.Frame)
	case e.Slot >= model.PageSize/g.Width:
		return m.r.Errorf("a table has no slot %x", e.Slot)
	}
	if is := m.s.Entry(g, f, e.Slot); e.Level > 0 && (is^model.Entry(e.Old))&^used != 0 {
		return m.r.Errorf("entry %x of frame %x was %x, by what the recording says before it is %x", e.Slot, e.Frame, e.Old, uint64(is))
	}
	m.s.SetEntry(g, f, e.Slot, model.Entry(e.New))
	m.hold(invariants.TraceEvent{Op: invariants.TraceStore, Frame: f, Slot: e.Slot, Level: e.Level, Old: model.Entry(e.Old), New: model.Entry(e.New),
		Size: e.Size, VA: model.VA(e.VA)}, e)
	return nil
}
