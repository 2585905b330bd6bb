package system

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// HostileModel is one worker's view of a hostile guest.
type HostileModel struct {
	sys   *Hostile
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

	// Of races, see hostile_race.go.
	duo     *model.Duo
	both    [2]func()
	stopped []uint64
	beside  [][]uint64
	raced   uint64
	other   int
}

var (
	_ explore.Model        = (*HostileModel)(nil)
	_ explore.StateChecker = (*HostileModel)(nil)
	_ explore.Counter      = (*HostileModel)(nil)
)

// NewModel returns a model for one worker.
func (h *Hostile) NewModel() (*HostileModel, error) {
	s, err := h.start()
	if err != nil {
		return nil, err
	}
	m := &HostileModel{sys: h, start: s, judge: invariants.NewGuestJudge(s)}
	m.counters = make([]uint64, 2*hostileCounters+len(h.rules)+int(model.NumForgets))
	m.judge.Exercised = m.counters[2*hostileCounters:][:len(h.rules):len(h.rules)]
	m.forgets = m.counters[2*hostileCounters+len(h.rules):]
	m.s, m.saved = model.NewState(s.L), model.NewState(s.L)
	m.m = model.NewMachine(m.s, m.judge)
	m.m.Hold = true
	for _, op := range h.ops {
		m.calls = h.eachCall(m.calls, op, 0, [3]int{})
	}
	m.prepareRaces()
	m.Init(0)
	return m, nil
}

// Inits is 1: the domain builder's tables.
func (m *HostileModel) Inits() int { return 1 }

// Init makes the builder's tables the working state.
func (m *HostileModel) Init(int) {
	m.saved.CopyFrom(m.start)
	m.begin()
}

// Restore takes back the last Apply.
func (m *HostileModel) Restore() { m.s.CopyFrom(m.saved) }

// begin makes the saved state the one that operations begin in.
func (m *HostileModel) begin() {
	m.judge.From(m.saved)
	m.Restore()
}

// save makes the working state the saved one.
func (m *HostileModel) save() {
	m.saved.CopyFrom(m.s)
	m.judge.From(m.saved)
}

// Encode appends the packed state.
func (m *HostileModel) Encode(dst []byte) []byte { return m.s.AppendPacked(dst) }

// Decode makes a packed state the working state.
func (m *HostileModel) Decode(src []byte) {
	m.saved.Unpack(src)
	m.begin()
}

// Calls appends all operations of the alphabet, none once the guest is dead. One that
// the hypervisor has ended makes none any more: it is destroyed.
func (m *HostileModel) Calls(dst []uint64) []uint64 {
	switch {
	case m.s.Dying():
		return dst
	case m.s.Ended() || m.forgotten() >= mostForgotten:
		return append(dst, hostileCode(hostileNumber("kill"), [3]int{}))
	}
	return m.races(append(dst, m.calls...))
}

// mostForgotten is the number of references that the hypervisor may forget in a search
// that knows of that: with every one there are new states.
const mostForgotten = 2

// forgotten is the number of references that the hypervisor has forgotten.
func (m *HostileModel) forgotten() int {
	n := 0
	for f := range m.s.L.Map.Frames() {
		n += int(m.s.InfoAt(model.Frame(f)).Forgotten)
	}
	return n
}

// Apply issues one operation. A refused one is no transition, unless it left
// something behind.
func (m *HostileModel) Apply(code uint64) explore.Outcome {
	m.judge.Begin(m.s, code>>raceBit != 0)
	if code>>raceBit != 0 {
		return m.race(code)
	}
	m.do(code)
	switch {
	case m.judge.Broken >= 0:
		return explore.Outcome{Kind: explore.Violated, Rule: int16(m.judge.Broken)}
	case m.last != model.OK && !m.s.Changed() && m.s.CPU == m.saved.CPU && !m.s.Ended():
		return explore.Outcome{Kind: explore.Skipped}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// CheckState judges the working state by what raw memory says.
func (m *HostileModel) CheckState() explore.Outcome {
	if rule := m.judge.State(m.s); rule >= 0 {
		return explore.Outcome{Kind: explore.Violated, Rule: int16(rule)}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// OpText writes an operation or a race as scenarios have it.
func (m *HostileModel) OpText(code uint64) string {
	if code>>raceBit != 0 {
		return m.raceText(code)
	}
	return m.sys.OpText(code)
}

// page is the address of a page.
func (m *HostileModel) page(n int) model.VA { return m.sys.geo.Wrap(model.VA(n) << model.PageShift) }

// interrupted issues an operation that is interrupted at a place.
func (m *HostileModel) interrupted(place int, issue func() model.Errno) model.Errno {
	m.m.Interrupt(place)
	rc := issue()
	m.m.Interrupt(0)
	return rc
}

// store is a store of the guest's; locked says that it ends a locked
// read-modify-write. Where it faults, nothing happens.
func (m *HostileModel) store(va model.VA, width int, v uint64, locked bool) model.Errno {
	t, fault := m.m.Access(va, true)
	if m.m.StoreAt(va, &t, fault, width, v, locked) {
		return model.OK
	}
	if fault == model.WalkReadOnly {
		m.judge.Step(m.m, &model.Step{Op: model.OpEmulate, Errno: model.EFAULT, VA: va, Frame: t.Frame, Off: t.Offset, Width: width, Value: v})
	}
	return model.EFAULT
}
