package kernel

import (
	"slices"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// rehearsal makes calls, unwatched, to find out what can happen to them: which schedules
// a pair can follow, how many hypercalls there are to refuse, where an interrupt matters.
type rehearsal struct {
	machine *model.Machine
	kernel  hooks.Kernel
	duo     *model.Duo
	call    Call
	run     func()    // carries out call
	both    [2]func() // carry out its two halves
	pairs   []Call

	interruption model.Interruption
	faults       []uint16 // the operations of a call before which an interrupt would fault
}

// tries reports whether what can happen to calls is found out by making them.
func (s *System) tries() bool { return s.Pairs != nil || s.failures || s.interrupts }

// halves returns functions that carry out the two halves of a call.
func halves(c *Call, k *hooks.Kernel) [2]func() {
	return [2]func(){
		func() { c.run(k) },
		func() { Call{Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg)}.run(k) },
	}
}

// withSchedules appends every chosen pair of calls of the working state, each with every
// schedule that it can follow from there.
func (m *Model) withSchedules(dst []uint64) []uint64 {
	t := m.rehearse()
	t.pairs = m.sys.Pairs(t.pairs[:0], m.work[m.start])
	for _, c := range t.pairs {
		if m.sys.Chosen != nil && !m.sys.Chosen(m.start, m.work[m.start], c) {
			continue
		}
		for first := range 2 {
			c.Sched = model.Schedule{First: first}
			dst = m.extend(dst, c, 0)
		}
	}
	return dst
}

// allowsPair reports whether the system may make two calls side by side by their
// schedule: it is withSchedules for one pair.
func (m *Model) allowsPair(c Call) bool {
	if m.sys.Pairs == nil || c.preemptions() > m.sys.preemptions {
		return false
	}
	m.save()
	t := m.rehearse()
	t.pairs = m.sys.Pairs(t.pairs[:0], m.work[m.start])
	alone := c
	alone.Sched = model.Schedule{}
	if !slices.Contains(t.pairs, alone) {
		return false
	}
	followed, _ := m.follows(c)
	return followed
}

// SideBySide appends the pairs of calls that two processors may make in the working state,
// without a schedule.
func (m *Model) SideBySide(dst []Call) []Call {
	if m.sys.Pairs == nil {
		return dst
	}
	return m.sys.Pairs(dst, m.work[m.start])
}

// Latest is the largest number that, as one more entry of a pair's schedule, makes one that
// it can follow from the working state as well; 0: there is none.
func (m *Model) Latest(c Call) int {
	m.save()
	m.rehearse()
	if _, hung := m.follows(c); hung {
		return 0
	}
	return min(m.rehearsal.duo.Latest(), maxPoint)
}

// rehearse returns the rehearsal, ready to work on the working state.
func (m *Model) rehearse() *rehearsal {
	t := &m.rehearsal
	if t.machine == nil {
		t.machine = model.NewMachine(nil)
		t.kernel.M = t.machine
		t.run = func() { t.call.run(&t.kernel) }
		t.duo, t.both = model.NewDuo(t.machine), halves(&t.call, &t.kernel)
		t.watchInterrupts()
		m.equip(t.machine, &t.kernel)
	}
	t.machine.Budget = m.machine.Budget
	t.machine.State = m.work[m.start]
	t.kernel.PV, t.kernel.Fn = m.kernel.PV, m.kernel.Fn
	return t
}

// extend appends a pair with a schedule that it can follow, and with every longer one. The
// pair is run from its start for each of those that have longer ones: a call in mid-flight
// lives on a stack, which cannot be saved.
func (m *Model) extend(dst []uint64, c Call, at int) []uint64 {
	dst = append(dst, c.Code())
	if at == m.sys.preemptions || at == 1 && m.brief {
		return dst
	}
	if _, hung := m.follows(c); hung {
		return dst // to be found so; each longer one would take as long
	}
	for p := range min(m.rehearsal.duo.Latest(), maxPoint) {
		c.Sched.Points[at] = uint8(p + 1)
		dst = m.extend(dst, c, at+1)
	}
	return dst
}

// follows makes a pair of calls and undoes it. It reports whether there was a step
// at each preemption of the schedule, and whether the calls did not end.
func (m *Model) follows(c Call) (followed, hung bool) {
	t := &m.rehearsal
	t.call = c
	m.enter(c.Code())
	died := t.duo.Run(t.both, c.Sched)
	m.leave()
	m.work[m.start].CopyFrom(m.saved[m.start])
	return t.duo.Followed(), died != nil && died.Kind == model.CrashHang
}
