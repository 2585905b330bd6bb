package model

import "math/bits"

// base is what memory and frame records were at the last Commit, whole. A machine of at
// most 64 small frames can keep it in place of the journal: to note that a frame changes
// is then one bit, and to take an operation back is to copy a frame or two. What it cannot
// do is go back to the middle of an operation, or tell the order of writes.
type base struct {
	changed uint64 // frames that may differ from the copy, by bit
	stored  uint64 // those of them whose memory may differ
	info    []FrameInfo
	words   []uint64 // of all frames, one after the other
	each    int      // words of a frame

	// refused[t] are the frames, by bit, that could not get type t as the state was at the
	// last Commit; refusal is the answer to each that is among them.
	refused [numTypes]uint64
	refusal [numTypes][64]Errno
}

// KeepBase has a state keep a copy of itself in place of the journal, from its last Commit
// on. It is for searches whose operations nobody watches and which are taken back as a
// whole: the order of [State.Writes] and [State.Records] is lost. It does nothing where
// memory is not small, or where a refused operation leaves something behind.
func (s *State) KeepBase() {
	each := s.L.words()
	if s.base != nil || s.rules == nil || s.rules.residue || len(s.pages) > 64 || each*len(s.pages) > smallMemory {
		return
	}
	s.Undo()
	b := &base{each: each, info: apart[FrameInfo](len(s.info), frameInfoSize), words: apart[uint64](each*len(s.pages), 8)}
	for f := range s.pages {
		b.keep(s, f)
	}
	s.base = b
}

// KeepsBase reports whether a copy stands in place of the journal.
func (s *State) KeepsBase() bool { return s.base != nil }

// store notes that memory of a frame changes.
func (b *base) store(f Frame) {
	b.changed |= 1 << uint(f)
	b.stored |= 1 << uint(f)
}

// keep makes the copy of a frame equal to it.
func (b *base) keep(s *State, f int) {
	b.info[f] = s.info[f]
	copy(b.words[f*b.each:(f+1)*b.each], s.pages[f])
}

// undo makes all frames as the copy is.
func (b *base) undo(s *State) {
	for set := b.changed; set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		s.info[f] = b.info[f]
	}
	for set := b.stored; set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		p := s.pages[f]
		for i, w := range b.words[f*b.each:][:len(p)] {
			p[i] = w
		}
	}
	b.changed, b.stored = 0, 0
}

// commit makes the copy as all frames are.
func (b *base) commit(s *State) {
	for set := b.changed; set != 0; set &= set - 1 {
		b.keep(s, bits.TrailingZeros64(set))
	}
	b.changed, b.stored, b.refused = 0, 0, [numTypes]uint64{}
}

// writes are the words that differ from the copy, by frame.
func (b *base) writes(s *State, yield func(Write) bool) {
	for set := b.stored; set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		for i, old := range b.words[f*b.each:][:b.each] {
			if s.pages[f][i] != old && !yield(Write{Frame: Frame(f), Word: i, Old: old}) {
				return
			}
		}
	}
}

// records are the records that differ from the copy, by frame.
func (b *base) records(s *State, yield func(f Frame, was *FrameInfo) bool) {
	for set := b.changed; set != 0; set &= set - 1 {
		if f := bits.TrailingZeros64(set); s.info[f] != b.info[f] && !yield(Frame(f), &b.info[f]) {
			return
		}
	}
}

// getTypeOnce is takeType for the first reference that an operation takes: what was
// refused in the state of the last Commit is refused again, without another audit.
func (s *State) getTypeOnce(f Frame, t Type) Errno {
	b := s.base
	if b.refused[t]>>uint(f)&1 != 0 {
		return b.refusal[t][f]
	}
	rc := s.takeType(f, t, false)
	switch rc {
	case OK, ERESTART, EINTR: // what is interrupted is not settled
	default:
		b.refused[t] |= 1 << uint(f)
		b.refusal[t][f] = rc
	}
	return rc
}
