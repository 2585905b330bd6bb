package kernel

import (
	"encoding/binary"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Model is one worker's view of a boot system. It implements explore.Model.
type Model struct {
	sys   *System
	start int            // the initial state that the working state comes from
	work  []*model.State // working states, one for each initial state's layout
	saved []*model.State // what Restore goes back to
	call  Call

	// restored says that the working state is that which Restore goes back to, and counted
	// that the checker keeps what it has counted of that one.
	restored, counted bool
	// steady says that the working state is as the last call left it, and goesOn that the
	// checker then goes on instead of counting it, see [Model.GoOn].
	steady, goesOn bool

	machine   *model.Machine
	kernel    hooks.Kernel
	checker   *invariants.Checker
	run       func() // carries out call; made once, so that a transition allocates nothing
	duo       *model.Duo
	both      [2]func() // carry out the two halves of call
	rehearsal rehearsal
	brief     bool       // schedules with more than one preemption are not listed
	made      []madeCall // since the enabled calls were listed

	interruption model.Interruption

	counts []uint64
	last   *model.Crash // how the kernel died in the last call
	codes  []uint64     // scratch of Allows

	watch   watch
	recheck recheck
	note    func(*halted) // is told of what ends the search or the run; nil: nobody
	calm    func()        // ends other searches, so that what is stuck stands out; may be nil
}

var (
	_ explore.Model       = (*Model)(nil)
	_ explore.Discoverer  = (*Model)(nil)
	_ explore.InitChecker = (*Model)(nil)
	_ explore.Counter     = (*Model)(nil)
)

// NewModel returns a model for one worker.
func (s *System) NewModel() *Model {
	m := &Model{
		sys:     s,
		work:    make([]*model.State, len(s.Inits)),
		saved:   make([]*model.State, len(s.Inits)),
		checker: invariants.New(s.rules),
		counts:  make([]uint64, int(model.NumCalls)+len(s.rules)),
	}
	m.machine = model.NewMachine(nil, m.checker)
	m.kernel.M, m.kernel.Fn = m.machine, &s.fn
	m.equip(m.machine, &m.kernel)
	m.watched()
	m.run = func() { m.call.run(&m.kernel) }
	m.both = halves(&m.call, &m.kernel)
	m.watchInterrupt()
	m.duo = model.NewDuo(m.machine)
	return m
}

// Inits is the number of start-of-day states.
func (m *Model) Inits() int { return len(m.sys.Inits) }

// Init makes a start-of-day state the working state.
func (m *Model) Init(i int) {
	m.open(i)
	m.saved[i].CopyFrom(m.sys.Inits[i].State)
	m.counted = false
	m.elect(nil)
	m.Restore()
}

// open makes sure that there are working states for initial state i.
func (m *Model) open(i int) {
	m.start = i
	m.watch.start.Store(int64(i))
	m.kernel.PV = m.sys.hooksOf(m.sys.Inits[i].State.L)
	if m.work[i] == nil {
		l := m.sys.Inits[i].State.L
		m.work[i], m.saved[i] = model.NewState(l), model.NewState(l)
	}
	m.machine.Budget = m.budget()
}

// budget bounds the operations of a call of the present machine.
func (m *Model) budget() int {
	if n := m.sys.bounds.Budget; n != 0 {
		return n
	}
	return m.sys.Inits[m.start].State.L.Budget()
}

// CheckInit judges a start-of-day state: the rules that look at states alone
// must hold in it.
func (m *Model) CheckInit() explore.Outcome {
	m.begin()
	m.call = Call{}
	crash := m.machine.Run(func() { m.machine.End(m.machine.Begin(model.Call{})) })
	return m.judge(crash)
}

// Encode appends the packed working state.
func (m *Model) Encode(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(m.start))
	return m.work[m.start].AppendPacked(dst)
}

// Decode makes a packed state the working state.
func (m *Model) Decode(src []byte) {
	i, n := binary.Uvarint(src)
	m.open(int(i))
	m.saved[i].Unpack(src[n:])
	m.counted = false
	m.elect(src)
	m.Restore()
}

// Restore brings the working state back to that of the last Init or Decode.
func (m *Model) Restore() {
	w := m.work[m.start]
	w.CopyFrom(m.saved[m.start])
	m.machine.State = w
	m.recheck.fresh, m.restored, m.steady = true, true, false
}

// save makes the working state the one that Restore goes back to.
func (m *Model) save() {
	m.saved[m.start].CopyFrom(m.work[m.start])
	m.restored, m.counted = false, false
}

// Calls appends the enabled calls.
func (m *Model) Calls(dst []uint64) []uint64 {
	from := len(dst)
	return m.moreCalls(m.FirstCalls(dst), from)
}

// FirstCalls implements [explore.Discoverer]: the calls that are neither refused nor
// interrupted, on one processor.
func (m *Model) FirstCalls(dst []uint64) []uint64 {
	m.made = m.made[:0]
	return m.sys.Enabled(dst, m.work[m.start])
}

// LaterCalls implements [explore.Discoverer].
func (m *Model) LaterCalls(first []uint64) []uint64 { return m.moreCalls(first, 0) }

// moreCalls appends what else can happen to the calls in dst, from an index on.
func (m *Model) moreCalls(dst []uint64, from int) []uint64 {
	plain := len(dst)
	if m.sys.failures {
		dst = m.withRefusals(dst, from, plain)
	}
	if m.sys.interrupts {
		dst = m.withInterrupts(dst, from, plain)
	}
	if m.sys.Pairs == nil {
		return dst
	}
	return m.withSchedules(dst)
}

// Apply carries out one call under the eyes of the checker.
func (m *Model) Apply(code uint64) explore.Outcome {
	twice := m.recheck.due && m.recheck.fresh
	m.recheck.fresh = false
	o := m.apply(code)
	m.noteMade(code)
	if twice {
		m.repeat(code, o)
		m.recheck.fresh = false
	}
	return o
}

func (m *Model) apply(code uint64) explore.Outcome {
	m.begin()
	m.call = CallOf(code)
	m.enter(code)
	defer m.leave()
	m.counts[m.call.Kind]++
	if k := m.call.Beside.Kind; k != model.CallNone {
		m.counts[k]++
	}
	m.machine.Refuse = int(m.call.Refuse)
	m.interrupted()
	m.last = m.carryOut()
	m.steady = m.last == nil
	m.machine.Refuse = 0
	if m.checker.Violated < 0 && m.stopped() {
		return explore.Outcome{Kind: explore.Skipped}
	}
	return m.judge(m.last)
}

// carryOut makes the call, or both calls.
func (m *Model) carryOut() *model.Crash {
	if m.call.Beside.Kind != model.CallNone {
		return m.duo.Run(m.both, m.call.Sched)
	}
	if m.call.CPU == 0 {
		return m.machine.Run(m.run)
	}
	m.machine.SwitchProcessor()
	crash := m.machine.Run(m.run)
	m.machine.SwitchProcessor()
	return crash
}

// begin has the checker look at the working state, on which a call begins.
func (m *Model) begin() {
	s, start := m.work[m.start], m.sys.Inits[m.start].kept
	switch {
	case m.restored && m.counted:
		m.checker.BeginAgain(s, start)
	case m.restored:
		m.checker.BeginAt(s, start)
		m.checker.Keep()
		m.counted = true
	case m.steady && m.goesOn:
		m.checker.GoOn(s, start)
	default:
		m.checker.BeginAt(s, start)
	}
	m.restored = false
}

// judge turns the end of a call into an outcome.
func (m *Model) judge(crash *model.Crash) explore.Outcome {
	switch {
	case m.checker.Violated >= 0:
		return explore.Outcome{Kind: explore.Violated, Rule: int16(m.checker.Violated)}
	case crash != nil:
		return explore.Outcome{Kind: explore.Crashed, Rule: int16(crash.Kind)}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// equip completes a machine that a kernel is to run on. A kernel that goes on after the
// boot handles its page faults; one that boots has no handler yet.
func (m *Model) equip(machine *model.Machine, k *hooks.Kernel) {
	machine.OnFault = func(f model.PageFault) bool { return k.Fn.Life.PageFault(k, f) }
	machine.OnGoexit = m.exited
	machine.Budget = m.machine.Budget
}

// Counters returns how often each call was made and each rule applied: calls by
// kind, then rules by index.
func (m *Model) Counters() []uint64 {
	copy(m.counts[model.NumCalls:], m.checker.Exercised)
	return m.counts
}

// State is the working state. Who asks for it may change it.
func (m *Model) State() *model.State {
	m.restored, m.counted, m.steady = false, false, false
	return m.work[m.start]
}
