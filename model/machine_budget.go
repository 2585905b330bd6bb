package model

import "math"

// OpsPerFrame times the frames of a guest is a bound on the operations of a protocol
// call that no call comes near which ends at all: a kernel's loops go over its memory,
// and the busiest ones of the systems that are searched take about a hundred operations
// a frame. At some dozen nanoseconds an operation a tiny machine gets there within
// milliseconds.
const OpsPerFrame = 1 << 12

// start opens the budget of a Run.
func (m *Machine) start() {
	m.running, m.dead = true, false
	m.left = m.Budget
	if m.Budget == 0 {
		m.left = math.MaxInt
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
// processors.
func (m *Machine) pause() {
	if m.left--; m.left < 0 || m.duo != nil {
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
}
