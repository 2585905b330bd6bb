package pvdp

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

var _ explore.WordExpander = (*Model)(nil)

// MostCalls is how many calls a state can have: every other entry in every slot by hypercall
// and by store, a pin of every level, and a root.
func (m *Model) MostCalls() int {
	a := m.a
	return a.frames * (2*a.slots*(len(m.values)-1) + a.levels + 1)
}

// ExpandWords makes all calls of a state of the reference model, whose states fit a word.
// Nobody watches, so hypercalls go straight to the hypervisor, which keeps a copy of
// the state to go back to.
func (m *Model) ExpandWords(dst []explore.Successor, canonical bool) (successors []explore.Successor, calls int, ok bool) {
	if !m.a.strict || m.observed || m.a.code.wide || m.a.code.total > 64 {
		return dst, 0, false
	}
	if m.s.KeepBase(); !m.s.KeepsBase() {
		return dst, 0, false
	}
	m.codes = m.Calls(m.codes[:0])
	for i, code := range m.codes {
		if m.applyUnwatched(code) {
			word := m.word()
			if canonical {
				word = m.canonWord(word)
			}
			dst = append(dst, explore.Successor{Lo: word, Call: i})
		}
		m.takeBack()
	}
	return dst, len(m.codes), true
}

// applyUnwatched is Apply, told whether there is a successor.
func (m *Model) applyUnwatched(code uint64) (moved bool) {
	op, mfn, hyper := int(code>>24), model.MFN(code>>16&0xff), m.s.Unwatched()
	rc := model.OK
	switch arg := int(code >> 8 & 0xff); op {
	case opMMU:
		rc = hyper.MMUUpdate(uint64(mfn)<<model.PageShift+uint64(arg)*8, m.values[code&0xff])
	case opRaw:
		m.s.SetEntry(m.a.geo, model.Frame(mfn), arg, m.values[code&0xff])
	case opPin:
		rc = hyper.Pin(arg, mfn)
	case opUnpin:
		rc = hyper.Unpin(mfn)
	case opCR3:
		rc = hyper.NewBaseptr(mfn)
	}
	switch {
	case m.s.Ended():
		m.counts[numOps+op]++
		m.s.Revive()
		return false
	case rc != model.OK:
		m.counts[numOps+op]++
		if !m.s.Changed() && m.s.CPU.CR3 == m.cpu.CR3 {
			return false
		}
	}
	m.counts[op]++
	return true
}

// takeBack is Restore for what the operations of the reference model change.
func (m *Model) takeBack() {
	if m.s.Changed() {
		m.s.Undo()
	}
	m.s.CPU.CR3 = m.cpu.CR3
}
