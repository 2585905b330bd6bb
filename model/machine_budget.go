package model

import "math"

// OpsPerWord times the words of a guest's memory that can hold entries is a bound on the
// operations of a protocol call that no call comes near which ends at all: a kernel's
// loops go over its memory and its tables, and the busiest ones of the systems that are
// searched, on machines of any size, take not two operations a word. At some dozen
// nanoseconds an operation a tiny machine gets there within a millisecond.
const OpsPerWord = 1 << 8

// Budget is the bound for machines of a layout.
func (l *Layout) Budget() int { return OpsPerWord * l.Map.Guest() * l.Geo.Words() }

// start opens the budget of a Run.
func (m *Machine) start() {
	m.running, m.dead = true, false
	m.left = m.Budget
	if m.Budget == 0 {
		m.left = math.MaxInt
	}
	if m.Interruption != nil {
		m.Interruption.start()
	}
}

// end closes it: what is done to a machine outside a Run is not counted.
func (m *Machine) end() { m.running, m.dead, m.left = false, false, math.MaxInt }

// spend counts an operation of kernel code, before it is carried out.
func (m *Machine) spend() {
	if m.left--; m.left < 0 {
		m.spent()
	}
}

// spent ends kernel code that goes on after its death, because it has recovered from
// it, or beyond its budget.
func (m *Machine) spent() {
	switch {
	case m.dead:
		panic(&m.crash)
	case m.running:
		m.Die(Crash{Kind: CrashHang, Count: m.Budget})
	}
	m.left = math.MaxInt
}

// pause comes before each operation: it counts it, and lets the schedule switch
// processors, or an interrupt come in.
func (m *Machine) pause() {
	if m.left--; m.left < 0 || m.duo != nil || m.Interruption != nil {
		m.paused()
	}
}

func (m *Machine) paused() {
	if m.left < 0 {
		m.spent()
	}
	if m.duo != nil {
		m.duo.pause()
	}
	if m.Interruption != nil {
		m.Interruption.pending(m)
	}
}
