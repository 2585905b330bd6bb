package hostile

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Model is one worker's view of a hostile guest.
type Model struct {
	sys   *Guest
	m     *model.Machine
	s     *model.State // the working state
	saved *model.State // what Restore goes back to
	start *model.State
	judge *invariants.GuestJudge
	calls []uint64
	last  model.Errno
	// counters are those of explore.Counter; the judge counts in some of them, and
	// what the hypervisor forgets in the last ones.
	counters, forgets []uint64
	packed            []byte // scratch of Settle

	// Of races, see race.go.
	duo     *model.Duo
	both    [2]func()
	stopped []uint64
	beside  [][]Op
	raced   Op   // what is being stopped
	other   []Op // and what the other processor does then
}

var (
	_ explore.Model        = (*Model)(nil)
	_ explore.StateChecker = (*Model)(nil)
	_ explore.Counter      = (*Model)(nil)
)

// NewModel returns a model for one worker.
func (h *Guest) NewModel() (*Model, error) {
	s, err := h.start()
	if err != nil {
		return nil, err
	}
	m := &Model{sys: h, start: s, judge: invariants.NewGuestJudge(s)}
	m.counters = make([]uint64, 2*numOps+len(h.rules)+int(model.NumForgets))
	m.judge.Exercised = m.counters[2*numOps:][:len(h.rules):len(h.rules)]
	m.forgets = m.counters[2*numOps+len(h.rules):]
	m.s, m.saved = model.NewState(s.L), model.NewState(s.L)
	m.m = model.NewMachine(m.s, m.judge)
	m.m.Hold = true
	for _, op := range h.ops {
		m.calls = h.eachCall(m.calls, op, 0, [3]uint8{})
	}
	m.prepareRaces()
	m.Init(0)
	return m, nil
}

// Inits is 1: the domain builder's tables.
func (m *Model) Inits() int { return 1 }

// Init makes the builder's tables the working state.
func (m *Model) Init(int) {
	m.saved.CopyFrom(m.start)
	m.begin()
}

// Restore takes back the last Apply.
func (m *Model) Restore() { m.s.CopyFrom(m.saved) }

// begin makes the saved state the one that operations begin in.
func (m *Model) begin() {
	m.judge.From(m.saved)
	m.Restore()
}

// Encode appends the packed state.
func (m *Model) Encode(dst []byte) []byte { return m.s.AppendPacked(dst) }

// Decode makes a packed state the working state.
func (m *Model) Decode(src []byte) {
	m.saved.Unpack(src)
	m.begin()
}

// Calls appends all operations of the alphabet, none once the guest is dead. One that
// the hypervisor has ended makes none any more: it is destroyed.
func (m *Model) Calls(dst []uint64) []uint64 {
	switch {
	case m.s.Dying():
		return dst
	case m.s.Ended() || m.forgotten() >= mostForgotten:
		return append(dst, codeOf(number(opKill), [3]uint8{}))
	}
	return m.races(append(dst, m.calls...))
}

// mostForgotten is the number of references that the hypervisor may forget in a search
// that knows of that: with every one there are new states.
const mostForgotten = 2

// forgotten is the number of references that the hypervisor has forgotten.
func (m *Model) forgotten() int {
	n := 0
	for f := range m.s.L.Map.Frames() {
		n += int(m.s.InfoAt(model.Frame(f)).Forgotten)
	}
	return n
}

// Apply issues one operation. A refused one is no transition, unless it left
// something behind.
func (m *Model) Apply(code uint64) explore.Outcome { return m.apply(m.Op(code)) }

func (m *Model) apply(o Op) explore.Outcome {
	m.judge.Begin(m.s, o.place > 0)
	if o.place > 0 {
		return m.race(o)
	}
	m.do(o)
	switch {
	case m.judge.Broken >= 0:
		return explore.Outcome{Kind: explore.Violated, Rule: int16(m.judge.Broken)}
	case m.last != model.OK && !m.s.Changed() && m.s.CPU == m.saved.CPU && !m.s.Ended():
		return explore.Outcome{Kind: explore.Skipped}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// CheckState judges the working state by what raw memory says.
func (m *Model) CheckState() explore.Outcome {
	if rule := m.judge.State(m.s); rule >= 0 {
		return explore.Outcome{Kind: explore.Violated, Rule: int16(rule)}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// OpText writes the operation or the race of a call code in one line.
func (m *Model) OpText(code uint64) string { return m.sys.o.text(m.Op(code)) }

// State implements [attack.Guest].
func (m *Model) State() *model.State { return m.s }

// Restart implements [attack.Guest].
func (m *Model) Restart() {
	m.Init(0)
	m.judge.Begin(m.s, false)
}

// Issue implements [attack.Guest]. A race that is over before its place is impossible,
// and so is everything but its end for a guest that the hypervisor has ended.
func (m *Model) Issue(o Op) (rc model.Errno, ok bool) {
	if m.s.Ended() && operations[o.n].name != opKill {
		return model.OK, false
	}
	if out := m.apply(o); o.place > 0 && out.Kind == explore.Skipped {
		m.Restore()
		return model.OK, false
	}
	return m.last, true
}

// Changes implements [attack.Guest].
func (m *Model) Changes() []reports.Change { return view.Differences(m.saved, m.s) }

// Settle implements [attack.Guest]. The state is judged as the search judges it: packed
// and unpacked, without what only the live one remembers.
func (m *Model) Settle() (broken int) {
	m.packed = m.Encode(m.packed[:0])
	m.Decode(m.packed)
	if m.judge.Broken >= 0 {
		return m.judge.Broken
	}
	return m.judge.State(m.s)
}

// page is the address of a page.
func (m *Model) page(n uint8) model.VA { return m.sys.geo.Wrap(model.VA(n) << model.PageShift) }

// store is a store of the guest's; locked says that it ends a locked
// read-modify-write. Where it faults, nothing happens.
func (m *Model) store(va model.VA, width int, v uint64, locked bool) model.Errno {
	t, fault := m.m.Access(va, true)
	if m.m.StoreAt(va, &t, fault, width, v, locked) {
		return model.OK
	}
	if fault == model.WalkReadOnly {
		m.judge.Step(m.m, &model.Step{Op: model.OpEmulate, Errno: model.EFAULT, VA: va, Frame: t.Frame, Off: t.Offset, Width: width, Value: v})
	}
	return model.EFAULT
}

// Observe has an observer see every step of the guest's machine.
func (m *Model) Observe(o model.Observer) { m.m.Observe(o) }
