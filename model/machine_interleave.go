package model

import "runtime"

// MaxPreemptions is the largest number of preemptions of a [Schedule].
const MaxPreemptions = 4

// Schedule says how the steps of two processors follow each other. First starts;
// after Points[0] steps it is preempted and the other one goes on, after Points[1]
// more steps whoever runs then is preempted, and so on. From the first zero on
// nobody is. A processor that has to wait for a lock, or has finished, gives way at
// once; that counts as no preemption.
type Schedule struct {
	First  int // number of the processor that starts, 0 or 1
	Points [MaxPreemptions]uint8
}

// Duo runs two pieces of kernel code side by side, one on each processor of a
// machine, under a schedule. A step is a load, a store, a hypercall, a flush or
// any other operation of a [Machine]; a processor can be preempted before each of
// its steps. The code is plain Go and keeps its place on a stack of its own, so a
// schedule cannot be left and taken up again: a search runs the code from its start
// once for each schedule.
//
// A Duo is for one machine and is not safe for concurrent use.
type Duo struct {
	// InHypercalls lets a schedule switch processors inside hypercalls too, at the
	// places where the real hypervisor holds no lock that would forbid it.
	InHypercalls bool

	m     *Machine
	lanes [2]lane
	carry [2]func() // carry out the code of the lanes
	sched Schedule
	at    int // the entry of sched.Points in force
	left  int // steps until the next preemption, -1: none
	taken int // steps since the last one, or since the beginning
	open  int // how many there were when the other processor could last have gone on
	done  bool
}

// lane is the code of one processor.
type lane struct {
	code    func()
	strand  *strand
	call    Call // the protocol call that the machine is in
	died    Crash
	dead    bool
	active  bool // has started and not finished
	begun   bool // has been on the processor
	blocked bool // waits for a lock
	steps   int
}

// NewDuo returns a Duo for a machine. The machine's state must have two processors
// when Run is called.
func NewDuo(m *Machine) *Duo {
	d := &Duo{m: m}
	d.carry = [2]func(){func() { d.live(0) }, func() { d.live(1) }}
	return d
}

// Steps is the number of steps that a processor took in the last Run.
func (d *Duo) Steps(cpu int) int { return d.lanes[cpu].steps }

// Followed reports whether the last Run made every preemption of its schedule.
func (d *Duo) Followed() bool { return d.done }

// Latest is the largest number that, as one more entry of the last Run's schedule, makes a
// schedule that can be followed as well; 0 if there is none. Up to that preemption both runs
// are the same.
func (d *Duo) Latest() int { return d.open }

// Run carries out code[0] on processor 0 and code[1] on processor 1. It ends when
// both have finished or one has died; then nobody goes on. The result is nil, or how
// the kernel died; it is valid until the next Run.
func (d *Duo) Run(code [2]func(), s Schedule) (died *Crash) {
	d.sched, d.at, d.done = s, 0, false
	d.nextPoint()
	d.m.locks = 0 // a kernel that died before may have left some
	d.m.Commit()
	d.m.start()
	d.m.Hypercalls = 0
	for n := range d.lanes {
		d.lanes[n] = lane{code: code[n], active: true, strand: d.strand(n)}
	}
	d.m.duo = d
	if d.InHypercalls {
		st := d.m.State
		st.pause, st.wait, st.wake = d.pause, d.wait, d.wake
	}
	defer func() {
		st := d.m.State
		st.pause, st.wait, st.wake, st.locked = nil, nil, nil, [2]Frame{}
		d.m.duo, d.m.call = nil, Call{}
		d.m.end()
	}()
	for n := s.First; d.lanes[0].active || d.lanes[1].active; n = d.next(n) {
		if d.m.Running() != n {
			d.m.SwitchProcessor()
		}
		d.advance(n)
		if d.lanes[n].dead {
			died = &d.lanes[n].died
			break
		}
	}
	d.finish()
	return died
}

// next chooses who goes on after processor n has given way.
func (d *Duo) next(n int) int {
	me, other := &d.lanes[n], &d.lanes[1-n]
	switch {
	case !other.active:
		return n
	case !me.active || me.blocked || !other.blocked:
		return 1 - n
	}
	return n
}

// strand is the coroutine of processor n, a new one if there is none that waits for work.
func (d *Duo) strand(n int) *strand {
	if st := d.lanes[n].strand; st != nil && st.idle() {
		return st
	}
	st := newStrand()
	runtime.AddCleanup(d, (*strand).end, st)
	return st
}

// live carries out the code of processor n, on its strand.
func (d *Duo) live(n int) {
	l := &d.lanes[n]
	if c := d.m.run(l.code); c != nil {
		l.died, l.dead = *c, true
	}
}

// advance lets processor n run until it gives way.
func (d *Duo) advance(n int) {
	l := &d.lanes[n]
	if !l.begun {
		l.begun = true
		l.strand.begin(d.carry[n])
	}
	d.m.call = l.call
	l.strand.resume()
	l.active = !l.strand.idle()
	l.call = d.m.call
}

// finish ends what is still in flight and brings processor 0 back.
func (d *Duo) finish() {
	for n := range d.lanes {
		if l := &d.lanes[n]; l.begun && l.active {
			l.strand.abandon()
		}
	}
	d.m.locks = 0
	if d.m.Running() != 0 {
		d.m.SwitchProcessor()
	}
	d.done = d.at == MaxPreemptions || d.sched.Points[d.at] == 0
}

// nextPoint takes up an entry of the schedule.
func (d *Duo) nextPoint() {
	d.left, d.taken, d.open = -1, 0, 0
	if d.at < MaxPreemptions && d.sched.Points[d.at] != 0 {
		d.left = int(d.sched.Points[d.at])
	}
}

// pause comes before each step of the running processor.
func (d *Duo) pause() {
	n := d.m.Running()
	if d.lanes[1-n].active && !d.lanes[1-n].blocked {
		d.open = d.taken
		if d.left == 0 {
			d.at++
			d.nextPoint()
			d.giveWay(n)
		}
	}
	if d.left > 0 {
		d.left--
	}
	d.taken++
	d.lanes[n].steps++
}

// giveWay suspends the running code until its processor is chosen again.
func (d *Duo) giveWay(n int) {
	if !d.lanes[n].strand.pause() {
		d.m.Die(Crash{Kind: CrashStopped})
	}
}

// wait lets the other processor go on until it has released a lock. It reports
// false if there is nobody to wait for.
func (d *Duo) wait() bool {
	n := d.m.Running()
	if !d.lanes[1-n].active || d.lanes[1-n].blocked {
		return false
	}
	d.lanes[n].blocked = true
	d.giveWay(n)
	d.lanes[n].blocked = false
	return true
}

// wake lets the other processor look again at what it waits for.
func (d *Duo) wake() { d.lanes[1-d.m.Running()].blocked = false }

// gap marks a place inside a hypercall where one of another processor can come in
// between. What is undone by rolling back must not span one.
func (s *State) gap() {
	if s.pause != nil {
		s.pause()
	}
}

// Others reports whether the other processor is in the middle of a call.
func (m *Machine) Others() bool {
	if m.duo == nil {
		return m.remote
	}
	o := &m.duo.lanes[1-m.Running()]
	return o.active && o.call.Kind != CallNone
}

// Lock takes one of the kernel's spinlocks, 0 to 31, waiting until the other
// processor has released it. A lock that nobody can release any more ends the
// kernel.
func (m *Machine) Lock(n int) {
	m.pause()
	for m.locks>>n&1 != 0 {
		if m.duo == nil || !m.duo.wait() {
			m.Die(Crash{Kind: CrashDeadlock})
		}
	}
	m.locks |= 1 << n
	if m.owners &^= 1 << n; m.coded() == 1 {
		m.owners |= 1 << n
	}
}

// Holds reports whether the code that runs has taken a spinlock.
func (m *Machine) Holds(n int) bool {
	return m.locks>>n&1 != 0 && int(m.owners>>n&1) == m.coded()
}

// coded is the number of the processor whose code runs, there or on the other one.
func (m *Machine) coded() int {
	if m.remote {
		return 1 - m.Running()
	}
	return m.Running()
}

// Unlock releases a spinlock.
func (m *Machine) Unlock(n int) {
	m.pause()
	if m.locks>>n&1 == 0 {
		m.Die(Crash{Kind: CrashBug, Where: "spin_unlock"})
	}
	m.locks &^= 1 << n
	if m.duo != nil {
		m.duo.lanes[1-m.Running()].blocked = false
	}
}
