package recorded

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// machine carries out the events of a recording on the words of a state.
type machine struct {
	r *kernel.Reader
	s *model.State
	// levels is the number of table levels; 0: paging is off.
	levels int
	trace  *invariants.Trace
	// held is the event whose tables are still being told of.
	held    invariants.TraceEvent
	holding bool
	// filling is the table that runs belong to, in slots from first on.
	filling model.Frame
	adopted uint64    // tables that came into use
	guest   *xenGuest // nil on bare metal
}

// newMachine makes the machine that a recording begins on. direct is where its kernel has all
// memory mapped, 0 if that does not matter.
func newMachine(r *kernel.Reader, direct model.VA, found func(*invariants.TraceFinding)) *machine {
	m := &machine{r: r, s: model.NewState(layout()), filling: model.NoFrame}
	known := about(&r.Header)
	known.Direct = direct
	m.trace = invariants.NewTrace(m.s, known, found)
	return m
}

// event carries out an event.
func (m *machine) event(e *kernel.Event) error {
	if m.guest != nil {
		m.guest.before(e)
	}
	err := m.happens(e)
	if err == nil && m.guest != nil {
		m.guest.event(e)
	}
	return err
}

// happens carries out an event on memory.
func (m *machine) happens(e *kernel.Event) error {
	switch e.Kind {
	case kernel.Table:
		return m.table(e)
	case kernel.Run:
		return m.fill(e)
	case kernel.Mode:
		m.setMode(e.Level)
		return nil
	case kernel.Relevel:
		m.trace.Relevel(m.frame(e.Frame), e.Level2)
		return nil
	case kernel.Store:
		if e.Level == 0 {
			return m.early(e)
		}
	}
	m.release()
	switch e.Kind {
	case kernel.Control:
		m.hold(invariants.TraceEvent{Op: invariants.TraceLoad, Reg: e.Reg, CR0: e.CR0, CR3: e.CR3, CR4: e.CR4, EFER: e.EFER}, e)
	case kernel.Store:
		return m.store(e)
	case kernel.Release:
		m.trace.Release(m.place(invariants.TraceEvent{Op: invariants.TraceRelease, Frame: m.frame(e.Frame), Level: e.Level}, e))
	case kernel.Drop:
		m.trace.Unroot(m.frame(e.Frame))
	case kernel.Invlpg:
		m.trace.Flush(m.place(invariants.TraceEvent{Op: invariants.TraceFlush, VA: model.VA(e.VA), All: e.Unknown, Globals: true}, e))
	case kernel.Invpcid:
		m.trace.Flush(m.place(invariants.TraceEvent{Op: invariants.TraceFlush, All: true, Globals: true}, e))
	}
	return nil
}

// load keeps the registers of the processor that is shown: the one that loaded last.
func (m *machine) load(e *invariants.TraceEvent) {
	c := &m.s.CPU
	c.CR4, c.NXE, c.WP = model.CR4(e.CR4)&(model.CR4PSE|model.CR4PAE|model.CR4PGE), e.EFER>>11&1 != 0, e.CR0>>16&1 != 0
	c.CR3, c.RootSlot = m.s.L.Map.Frame(model.Entry(e.CR3).MFN()), 0
	if m.s.L.Geo.PAERoot {
		c.RootSlot = int(e.CR3&(model.PageSize-1)) / 8
	}
}

// end says that the recording is over.
func (m *machine) end() {
	m.release()
	if m.guest != nil {
		m.guest.end()
	}
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
		m.load(&m.held)
		m.trace.Load(&m.held)
	}
	m.s.Commit()
}

// frame is the frame with a machine frame number, NoFrame if it was never a table.
func (m *machine) frame(n uint64) model.Frame { return m.s.L.Map.Frame(model.MFN(n)) }

// mostTables bounds how many frames of a recording are tables at some time.
const mostTables = 1 << 17

// join is the frame with a machine frame number, which becomes a table now or later.
func (m *machine) join(n uint64) (model.Frame, error) {
	switch {
	case m.levels == 0:
		return model.NoFrame, m.r.Errorf("a table while paging is off: a line M must come first")
	case n > maxFrame:
		return model.NoFrame, m.r.Errorf("no machine has a frame %x", n)
	case m.frame(n) == model.NoFrame && m.s.L.Map.Frames() == mostTables:
		return model.NoFrame, m.r.Errorf("more than %d frames are tables: no kernel has so many", mostTables)
	}
	f := m.s.L.Map.Add(model.MFN(n))
	m.s.Grow()
	return f, nil
}

// maxFrame is the highest frame number that an entry can name.
const maxFrame = 1<<40 - 1

// table begins a table, empty.
func (m *machine) table(e *kernel.Event) error {
	f, err := m.join(e.Frame)
	if err != nil {
		return err
	}
	if e.Level > m.levels {
		return m.r.Errorf("a table of level %d, with %d levels", e.Level, m.levels)
	}
	g := m.s.L.Geo
	first, slots := 0, model.PageSize/g.Width
	if e.Level == 3 && g.PAERoot {
		first, slots = e.Offset/8, 4
	}
	for i := first; i < min(first+slots, model.PageSize/g.Width); i++ {
		m.s.SetEntry(g, f, i, 0)
	}
	m.filling = f
	m.adopted++
	m.trace.Adopt(f, e.Level, e.Root, first)
	return nil
}

// fill fills entries of the table that was begun.
func (m *machine) fill(e *kernel.Event) error {
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

// continues reports whether an event belongs to the one before it: it tells of tables that
// came into use by that.
func continues(e *kernel.Event) bool {
	switch e.Kind {
	case kernel.Table, kernel.Run, kernel.Mode, kernel.Relevel:
		return true
	}
	return e.Kind == kernel.Store && e.Level == 0
}

// early takes in a store to a frame that is no table yet.
func (m *machine) early(e *kernel.Event) error {
	if m.levels == 0 {
		return nil // filled before there is paging: its line T says what it holds
	}
	f, err := m.join(e.Frame)
	switch {
	case err != nil:
		return err
	case e.Slot >= model.PageSize/m.s.L.Geo.Width:
		return m.r.Errorf("a table has no slot %x", e.Slot)
	}
	m.s.SetEntry(m.s.L.Geo, f, e.Slot, model.Entry(e.New))
	return nil
}

// used are the bits of an entry that the processor sets by itself.
const used = model.Accessed | model.Dirty

// store stores an entry.
func (m *machine) store(e *kernel.Event) error {
	g := m.s.L.Geo
	f, err := m.join(e.Frame)
	switch {
	case err != nil:
		return err
	case e.Slot >= model.PageSize/g.Width:
		return m.r.Errorf("a table has no slot %x", e.Slot)
	}
	if is := m.s.Entry(g, f, e.Slot); (is^model.Entry(e.Old))&^used != 0 {
		return m.r.Errorf("entry %x of frame %x was %x, by what the recording says before it is %x", e.Slot, e.Frame, e.Old, uint64(is))
	}
	m.s.SetEntry(g, f, e.Slot, model.Entry(e.New))
	m.hold(invariants.TraceEvent{Op: invariants.TraceStore, Frame: f, Slot: e.Slot, Level: e.Level, Old: model.Entry(e.Old), New: model.Entry(e.New),
		Size: e.Size, VA: model.VA(e.VA)}, e)
	return nil
}
