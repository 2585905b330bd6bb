package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"reflect"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/view"
)

// A search believes that a call in a state always leads to the same. Code under test
// that keeps something of its own, besides the state, breaks that. It is looked for by
// making calls twice: those of the first states that a model gets to see, and those of one
// in so many of the others, which the state itself decides.

// Recheck is the number of states of which one has its calls made twice.
const Recheck = 256

// firstStates is how many states of a model have them made twice in any case: most hidden
// state shows at once, and searches of a few states would hardly look for it otherwise.
const firstStates = 32

// recheck is what is kept of a call in order to compare it with itself.
type recheck struct {
	off     bool // never
	due     bool // the calls of the present state are made twice
	states  int  // whose calls were made twice, up to firstStates
	counted bool // the present one is among them
	fresh   bool // the working state is that which Restore goes back to
	state   []byte
	again   []byte
	counts  []uint64
	applied []uint64
}

// once has every call made once from here on.
func (m *Model) once() { m.recheck.off, m.recheck.due = true, false }

// elect decides whether the calls of a state are made twice. packed is what it is packed
// to, nil for a start of the day.
func (m *Model) elect(packed []byte) {
	r := &m.recheck
	r.counted = false
	r.due = !r.off && (r.states < firstStates || packed != nil && mix(packed)%uint64(m.sys.recheck) == 0)
}

// mix is a hash that is the same in all programs.
func mix(b []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = (h ^ binary.LittleEndian.Uint64(b)) * odd
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * odd
	}
	hi, lo := bits.Mul64(h, odd) // the lower bits of a product know less
	return hi ^ lo
}

// repeat makes a call again that came to an outcome in the same state, and compares.
// Nothing is counted twice.
func (m *Model) repeat(code uint64, was explore.Outcome) {
	r := &m.recheck
	if !r.counted {
		r.counted = true
		r.states++
	}
	r.state = m.Encode(r.state[:0])
	r.counts = append(r.counts[:0], m.counts...)
	r.applied = append(r.applied[:0], m.checker.Exercised...)
	var died model.Crash
	if m.last != nil {
		died = *m.last
	}
	m.Restore()
	now := m.apply(code)
	r.again = m.Encode(r.again[:0])
	copy(m.counts, r.counts)
	copy(m.checker.Exercised, r.applied)
	same := was == now && (m.last == nil || sameDeath(&died, m.last))
	if same && (was.Kind != explore.Moved || bytes.Equal(r.state, r.again)) {
		return
	}
	e := &systems.Fickle{Halt: m.halt(), Was: m.told(was, &died), Now: m.told(now, m.last)}
	if was == now && was.Kind == explore.Moved {
		e.Was, e.Now = m.differing()
	}
	m.fail(e)
}

// sameDeath compares two deaths, apart from the stacks that may have been kept.
func sameDeath(a, b *model.Crash) bool {
	x, y := *a, *b
	x.Stack, y.Stack = nil, nil
	x.Places, y.Places = nil, nil
	return reflect.DeepEqual(x, y)
}

// told is an outcome in words.
func (m *Model) told(o explore.Outcome, died *model.Crash) string {
	switch o.Kind {
	case explore.Crashed:
		return "it died: " + died.Error()
	case explore.Skipped:
		return "the kernel stopped"
	}
	return systems.Verdict{Kind: o.Kind, What: m.Broken(o)}.Told()
}

// differing tells two states apart, which one call has led to, by the first entry that
// is not the same.
func (m *Model) differing() (was, now string) {
	a, b := model.NewState(m.work[m.start].L), m.work[m.start]
	_, n := binary.Uvarint(m.recheck.state)
	a.Unpack(m.recheck.state[n:])
	for _, d := range view.Differences(a, b) {
		return fmt.Sprintf("%s[%d] was %s", d.Frame, d.Slot, d.Old), fmt.Sprintf("it was %s", d.New)
	}
	return "it left one state", "it left another, with the same tables"
}
