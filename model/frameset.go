package model

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// FrameSet is a set of the guest's frames. The first 64 are bits: sets of small machines
// take no memory of their own. The others are ranges, so that a large machine's set costs
// what it has holes. A set is a value: changing a copy leaves the other as it was.
type FrameSet struct {
	low  uint64
	more *frameRanges // of the frames from lowFrames on; nil: none. It is never changed in place.
}

// lowFrames is the number of frames that are bits of a FrameSet.
const lowFrames = 64

// frameRanges are ranges of frames, ascending, none of them empty, with gaps in between.
type frameRanges []FrameRange

// LowFrames is the set of the frames below 64 that have a bit.
func LowFrames(low uint64) FrameSet { return FrameSet{low: low} }

// Low are the frames below 64 that the set has, as bits.
func (s FrameSet) Low() uint64 { return s.low }

// IsSmall reports whether the set has no frames but those of [FrameSet.Low].
func (s FrameSet) IsSmall() bool { return s.more == nil }

// Empty reports whether the set has no frame.
func (s FrameSet) Empty() bool { return s.low == 0 && s.more == nil }

// Has reports whether a frame is in the set.
func (s FrameSet) Has(p PFN) bool {
	if p < lowFrames {
		return s.low>>p&1 != 0
	}
	return s.more != nil && s.more.has(p)
}

// Len is the number of frames in the set.
func (s FrameSet) Len() int {
	n := bits.OnesCount64(s.low)
	for _, r := range s.ranges() {
		n += r.Len()
	}
	return n
}

// Add returns the set with a range of frames.
func (s FrameSet) Add(r FrameRange) FrameSet {
	s.low |= lowBits(r)
	if r.From = max(r.From, lowFrames); r.From < r.To {
		s.more = s.more.with(r)
	}
	return s
}

// Remove returns the set without a range of frames.
func (s FrameSet) Remove(r FrameRange) FrameSet {
	s.low &^= lowBits(r)
	if r.From = max(r.From, lowFrames); r.From < r.To && s.more != nil {
		s.more = s.more.without(r)
	}
	return s
}

// Next is the lowest frame of the set from one on; ok is false if there is none.
func (s FrameSet) Next(from PFN) (p PFN, ok bool) {
	if from < lowFrames {
		if low := s.low >> from << from; low != 0 {
			return PFN(bits.TrailingZeros64(low)), true
		}
	}
	if s.more == nil {
		return 0, false
	}
	if i := s.more.find(from); i < len(*s.more) {
		return max(from, (*s.more)[i].From), true
	}
	return 0, false
}

// Minus returns the set without the frames of another.
func (s FrameSet) Minus(o FrameSet) FrameSet {
	s.low &^= o.low
	if s.more == nil || o.more == nil {
		return s
	}
	if s.more == o.more {
		s.more = nil
		return s
	}
	for _, r := range *o.more {
		if s.more != nil {
			s.more = s.more.without(r)
		}
	}
	return s
}

// Union returns the set with the frames of another.
func (s FrameSet) Union(o FrameSet) FrameSet {
	s.low |= o.low
	if s.more == nil {
		s.more = o.more
		return s
	}
	for _, r := range o.ranges() {
		s.more = s.more.with(r)
	}
	return s
}

// Meets is the lowest frame that two sets have in common; ok is false if there is none.
func (s FrameSet) Meets(o FrameSet) (p PFN, ok bool) {
	if low := s.low & o.low; low != 0 {
		return PFN(bits.TrailingZeros64(low)), true
	}
	a, b := s.ranges(), o.ranges()
	for len(a) > 0 && len(b) > 0 {
		switch from := max(a[0].From, b[0].From); {
		case from < min(a[0].To, b[0].To):
			return from, true
		case a[0].To < b[0].To:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return 0, false
}

// Ranges calls yield for each range of the set, ascending. The first 64 frames and the
// others are in ranges of their own.
func (s FrameSet) Ranges(yield func(FrameRange) bool) {
	for low := s.low; low != 0; {
		from := bits.TrailingZeros64(low)
		n := bits.TrailingZeros64(^(low >> from))
		r := FrameRange{PFN(from), PFN(from + n)}
		if !yield(r) {
			return
		}
		low &^= lowBits(r)
	}
	for _, r := range s.ranges() {
		if !yield(r) {
			return
		}
	}
}

func (s FrameSet) ranges() frameRanges {
	if s.more == nil {
		return nil
	}
	return *s.more
}

// lowBits are the bits of the frames of a range below 64.
func lowBits(r FrameRange) uint64 {
	if r.To <= r.From {
		return 0
	}
	return (1<<r.To - 1) &^ (1<<r.From - 1)
}

// find is the index of the first range that ends behind a frame.
func (r frameRanges) find(p PFN) int {
	i, _ := slices.BinarySearchFunc(r, p, func(r FrameRange, p PFN) int {
		if r.To <= p {
			return -1
		}
		return 1
	})
	return i
}

func (r frameRanges) has(p PFN) bool {
	i := r.find(p)
	return i < len(r) && r[i].From <= p
}

// with returns the ranges with another one, which may overlap them.
func (r *frameRanges) with(n FrameRange) *frameRanges {
	if r == nil {
		return &frameRanges{n}
	}
	old := *r
	i := old.find(n.From - 1) // one that ends where n begins becomes part of it
	j := i
	for ; j < len(old) && old[j].From <= n.To; j++ {
		if old[j].From <= n.From && n.To <= old[j].To {
			return r
		}
		n.From, n.To = min(n.From, old[j].From), max(n.To, old[j].To)
	}
	now := append(make(frameRanges, 0, len(old)+1), old[:i]...)
	now = append(append(now, n), old[j:]...)
	return &now
}

// without returns the ranges without another one, nil if none is left.
func (r *frameRanges) without(n FrameRange) *frameRanges {
	old := *r
	i := old.find(n.From)
	if i == len(old) || old[i].From >= n.To {
		return r
	}
	now := append(make(frameRanges, 0, len(old)+1), old[:i]...)
	for ; i < len(old); i++ {
		if left := (FrameRange{old[i].From, min(old[i].To, n.From)}); left.From < left.To {
			now = append(now, left)
		}
		if left := (FrameRange{max(old[i].From, n.To), old[i].To}); left.From < left.To {
			now = append(now, left)
		}
	}
	if len(now) == 0 {
		return nil
	}
	return &now
}

// packMore appends the frames from 64 on, which only large machines have.
func (s FrameSet) packMore(dst []byte, large bool) []byte {
	if !large {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.ranges())))
	at := PFN(0)
	for _, r := range s.ranges() {
		dst = binary.AppendUvarint(dst, uint64(r.From-at))
		dst = binary.AppendUvarint(dst, uint64(r.To-r.From))
		at = r.To
	}
	return dst
}

// unpackMore reads what packMore wrote.
func (s *FrameSet) unpackMore(src []byte, large bool) []byte {
	s.more = nil
	if !large {
		return src
	}
	n, k := binary.Uvarint(src)
	src = src[k:]
	if n == 0 {
		return src
	}
	more, at := make(frameRanges, 0, n), PFN(0)
	for range n {
		gap, k := binary.Uvarint(src)
		size, m := binary.Uvarint(src[k:])
		from := at + PFN(gap)
		at = from + PFN(size)
		more, src = append(more, FrameRange{from, at}), src[k+m:]
	}
	s.more = &more
	return src
}

// hasMany reports whether a machine has frames beyond those that are bits of a FrameSet.
func (l *Layout) hasMany() bool { return l.Map.Guest() > lowFrames }

// In reports whether a set of frames has a frame, which may be NoFrame.
func In(set FrameSet, f Frame) bool { return f >= 0 && set.Has(PFN(f)) }

// Put adds a frame to a set, or takes it away.
func Put(set *FrameSet, f Frame, in bool) {
	r := FrameRange{PFN(f), PFN(f) + 1}
	if in {
		*set = set.Add(r)
	} else {
		*set = set.Remove(r)
	}
}

// RefCounts are numbers of references to frames, most of them 0. Like a [FrameSet] they are
// a value, and small machines' take no memory of their own.
type RefCounts struct {
	low  [lowFrames]uint8
	more *[]frameRefs // ascending, none of them 0; nil: none. It is never changed in place.
}

type frameRefs struct {
	frame Frame
	n     uint8
}

// Of is the number of references to a frame.
func (r *RefCounts) Of(f Frame) int {
	if f < lowFrames {
		return int(r.low[f])
	}
	if i, ok := r.find(f); ok {
		return int((*r.more)[i].n)
	}
	return 0
}

// Set makes n the number of references to a frame.
func (r *RefCounts) Set(f Frame, n int) {
	if f < lowFrames {
		r.low[f] = uint8(n)
		return
	}
	i, ok := r.find(f)
	if !ok && n == 0 {
		return
	}
	var now []frameRefs
	if r.more != nil {
		now = slices.Clone(*r.more)
	}
	switch {
	case n == 0:
		now = slices.Delete(now, i, i+1)
	case ok:
		now[i].n = uint8(n)
	default:
		now = slices.Insert(now, i, frameRefs{f, uint8(n)})
	}
	if r.more = &now; len(now) == 0 {
		r.more = nil
	}
}

func (r *RefCounts) find(f Frame) (int, bool) {
	if r.more == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(*r.more, f, func(x frameRefs, f Frame) int { return int(x.frame) - int(f) })
}

func (r *RefCounts) pack(dst []byte, large bool) []byte {
	at := len(dst)
	dst = append(dst, 0)
	for f, n := range r.low {
		if n > 0 {
			dst = append(dst, byte(f), n)
			dst[at]++
		}
	}
	if !large {
		return dst
	}
	var more []frameRefs
	if r.more != nil {
		more = *r.more
	}
	dst = binary.AppendUvarint(dst, uint64(len(more)))
	for _, x := range more {
		dst = append(putFrame(dst, x.frame), x.n)
	}
	return dst
}

func (r *RefCounts) unpack(src []byte, large bool) []byte {
	*r = RefCounts{}
	shared := int(src[0])
	for src = src[1:]; shared > 0; shared-- {
		r.low[src[0]] = src[1]
		src = src[2:]
	}
	if !large {
		return src
	}
	n, k := binary.Uvarint(src)
	src = src[k:]
	if n == 0 {
		return src
	}
	more := make([]frameRefs, 0, n)
	for range n {
		var x frameRefs
		x.frame, src = takeFrame(src)
		x.n, src = src[0], src[1:]
		more = append(more, x)
	}
	r.more = &more
	return src
}
