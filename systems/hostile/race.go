package hostile

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Races of a hostile guest with two processors: one operation on processor 0 is
// stopped inside the hypervisor, processor 1 makes a few of its own, then the
// first one goes on. Code of a race: the highest bit, the place, the number of the
// other processor's operations, and the code of the one that is stopped.
const (
	raceBit   = 63
	racePlace = 56
	raceOther = 32
	// lastPlace is the last place that is tried; operations with more steps are
	// stopped at the first ones only.
	lastPlace = 6
)

// races appends every race: each operation of the alphabet that may be stopped,
// with every sequence of the other processor's.
func (m *Model) races(dst []uint64) []uint64 {
	for _, c := range m.stopped {
		for n := range m.beside {
			for place := uint64(1); place <= lastPlace; place++ {
				dst = append(dst, 1<<raceBit|place<<racePlace|uint64(n)<<raceOther|c)
			}
		}
	}
	return dst
}

// prepareRaces lists the operations that may be stopped and the sequences of the
// other processor.
func (m *Model) prepareRaces() {
	o := &m.sys.o
	if !o.twoProcessors() {
		return
	}
	m.duo = model.NewDuo(m.m)
	m.duo.InHypercalls = true
	m.both = [2]func(){func() { m.do(m.raced) }, func() {
		for _, o := range m.other {
			m.do(o)
		}
	}}
	for _, op := range m.sys.named(o.Stopped) {
		m.stopped = m.sys.eachCall(m.stopped, op, 0, [3]uint8{})
	}
	var codes []uint64
	for _, op := range m.sys.named(o.Beside) {
		codes = m.sys.eachCall(codes, op, 0, [3]uint8{})
	}
	var one []Op
	for _, c := range codes {
		one = append(one, m.sys.op(c))
	}
	m.sequences(one, nil, max(1, o.BesideLen))
}

// sequences lists all sequences of up to n operations that begin with some.
func (m *Model) sequences(one, begun []Op, n int) {
	if n == 0 {
		return
	}
	for _, o := range one {
		s := append(append([]Op(nil), begun...), o)
		m.beside = append(m.beside, s)
		m.sequences(one, s, n-1)
	}
}

// Op is the operation or the race of a call code, by its parts.
func (m *Model) Op(code uint64) Op {
	o := m.sys.op(code & 0xffff_ffff)
	if code>>raceBit != 0 {
		o.place, o.beside = uint8(code>>racePlace&0x7f), m.beside[code>>raceOther&0xff_ffff]
	}
	return o
}

// race carries out a race. One that is over before its place is none.
func (m *Model) race(o Op) explore.Outcome {
	m.raced, m.other = o, o.beside
	var s model.Schedule
	s.Points[0] = o.place
	m.duo.Run(m.both, s)
	switch {
	case !m.duo.Followed():
		return explore.Outcome{Kind: explore.Skipped}
	case m.judge.Broken >= 0:
		return explore.Outcome{Kind: explore.Violated, Rule: int16(m.judge.Broken)}
	}
	return explore.Outcome{Kind: explore.Moved}
}
