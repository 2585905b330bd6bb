package invariants

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
)

// marks is a set of frames that is made anew again and again: bits, of which those of the
// first 64 frames are all that a small machine has. Emptying it costs what is in it.
type marks struct {
	low  uint64
	more []uint64 // the bits of the frames from 64 on
	used []int32  // the words of more that are not 0
}

// bit is the bit of a frame below 64, 0 for others.
func bit(f model.Frame) uint64 {
	if uint(f) > 63 {
		return 0
	}
	return 1 << uint(f)
}

// reset empties the set.
func (m *marks) reset() {
	m.low = 0
	for _, i := range m.used {
		m.more[i] = 0
	}
	m.used = m.used[:0]
}

// add puts a frame into the set; one outside the model is none.
func (m *marks) add(f model.Frame) {
	if f < 64 {
		m.low |= bit(f)
	} else {
		m.addMore(f)
	}
}

// addMore puts a frame from 64 on into the set.
func (m *marks) addMore(f model.Frame) {
	i := int32(f>>6) - 1
	for int(i) >= len(m.more) {
		m.more = append(m.more, make([]uint64, max(64, len(m.more)))...)
	}
	if m.more[i] == 0 {
		m.used = append(m.used, i)
	}
	m.more[i] |= 1 << uint(f&63)
}

// has reports whether a frame is in the set.
func (m *marks) has(f model.Frame) bool {
	if f < 64 {
		return m.low&bit(f) != 0
	}
	i := int(f>>6) - 1
	return i < len(m.more) && m.more[i]>>uint(f&63)&1 != 0
}

// each visits the frames of the set; those from 64 on in any order.
func (m *marks) each(visit func(f model.Frame)) {
	for low := m.low; low != 0; low &= low - 1 {
		visit(model.Frame(bits.TrailingZeros64(low)))
	}
	for _, i := range m.used {
		for w := m.more[i]; w != 0; w &= w - 1 {
			visit(model.Frame(i+1)<<6 + model.Frame(bits.TrailingZeros64(w)))
		}
	}
}

// lowestOf is the lowest frame of a set that is in one of the others, NoFrame if there is
// none.
func lowestOf(set model.FrameSet, of ...*marks) model.Frame {
	low := uint64(0)
	for _, m := range of {
		low |= m.low
	}
	if low &= set.Low(); low != 0 {
		return model.Frame(bits.TrailingZeros64(low))
	}
	found := model.NoFrame
	if set.IsSmall() {
		return found
	}
	for _, m := range of {
		m.each(func(f model.Frame) {
			if (found == model.NoFrame || f < found) && model.In(set, f) {
				found = f
			}
		})
	}
	return found
}

// single is the set of one frame; NoFrame stands for none.
func single(f model.Frame) (set model.FrameSet) {
	if f >= 0 {
		model.Put(&set, f, true)
	}
	return set
}
