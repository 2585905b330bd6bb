package model

// WordSet is a set of 64-bit words of frames. Emptying it costs nothing; it allocates only
// when it grows. The zero value is an empty set.
type WordSet struct {
	slots []member // a power of two of them
	n     int
	round uint32
}

type member struct {
	frame Frame
	word  int32
	round uint32 // it is in the set if this is the set's
}

// Clear empties the set.
func (w *WordSet) Clear() {
	w.n = 0
	w.round++
}

// Add puts word i of a frame into the set, and reports whether it was not there.
func (w *WordSet) Add(f Frame, i int) bool {
	if 2*w.n >= len(w.slots) {
		w.grow()
	}
	at := w.find(f, int32(i))
	if at.round == w.round {
		return false
	}
	*at = member{f, int32(i), w.round}
	w.n++
	return true
}

// find is the slot of a word, or the one where it goes.
func (w *WordSet) find(f Frame, word int32) *member {
	mask := uint32(len(w.slots) - 1)
	for i := (uint32(f)*0x9e3779b1 + uint32(word)*0x85ebca6b) >> 7 & mask; ; i = (i + 1) & mask {
		if at := &w.slots[i]; at.round != w.round || at.frame == f && at.word == word {
			return at
		}
	}
}

func (w *WordSet) grow() {
	old := w.slots
	w.slots = make([]member, max(64, 2*len(old)))
	w.round = max(w.round, 1)
	for i := range old {
		if old[i].round == w.round {
			*w.find(old[i].frame, old[i].word) = old[i]
		}
	}
}
