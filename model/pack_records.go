package model

import "encoding/binary"

// idle reports whether a record says no more than that the frame is the
// guest's and unused. While no TLB can hold anything, the type of a frame's
// last use does not matter.
func (s *State) idle(i *FrameInfo) bool {
	return i.T == 0 && i.G == 1 && i.Flags&^(Validated|PAEXenL2) == Allocated && i.Linear == 0 &&
		i.NrValid == 0 && i.Typ != TypeSegDesc && (!s.TLB.Sticky || i.Typ == TypeNone)
}

// packRecords writes the hypervisor's record of each frame, one zero byte for an
// idle one. What a frame was last used as is left out where nothing can depend
// on it. Of the TLB clock only the outcomes of its comparisons are kept: which
// processors have not been flushed since the frame's last use ended. Of two, one
// was flushed before the other, so these are none, that one, or both; which one it
// is comes first.
func (s *State) packRecords(dst []byte) []byte {
	if s.other != nil {
		dst = append(dst, bit(s.other.flushed < s.flushed && s.partlyStale(), 0))
	}
	for f := range s.info {
		i := &s.info[f]
		if s.idle(i) {
			dst = append(dst, 0)
			continue
		}
		typ, flags := i.Typ, i.Flags
		if i.T == 0 && !s.TLB.Sticky && typ != TypeSegDesc && flags&Partial == 0 {
			typ, flags = TypeNone, flags&^(Validated|PAEXenL2)
		}
		stale := s.staleness(i.Stamp)
		more := i.Linear != 0 || i.NrValid != 0 || i.Forgotten != 0
		dst = append(dst, 1|byte(typ)<<1|stale<<4|bit(more, 6), byte(flags))
		dst = binary.AppendUvarint(dst, uint64(i.T))
		dst = binary.AppendUvarint(dst, uint64(i.G))
		if more {
			dst = binary.AppendVarint(dst, int64(i.Linear))
			dst = binary.AppendUvarint(dst, uint64(i.NrValid))
			dst = binary.AppendUvarint(dst, uint64(i.Forgotten))
			dst = binary.AppendUvarint(dst, uint64(i.ForgottenUses))
		}
	}
	return dst
}

// staleness is how many processors have not been flushed since a stamp.
func (s *State) staleness(stamp uint32) byte {
	if !s.TLB.Sticky {
		return 0
	}
	n := bit(s.flushed <= stamp, 0)
	if s.other != nil {
		n += bit(s.other.flushed <= stamp, 0)
	}
	return n
}

// partlyStale reports whether a frame is stale on one processor alone.
func (s *State) partlyStale() bool {
	for f := range s.info {
		if s.staleness(s.info[f].Stamp) == 1 {
			return true
		}
	}
	return false
}

func (s *State) unpackRecords(src []byte) []byte {
	s.clock, s.flushed = 1, 1
	if s.other != nil {
		// A stamp of 1 precedes the later of the two flushes, 2 is after both.
		first := uint32(src[0])
		s.clock, s.flushed, s.other.flushed = 2, 1+first, 2-first
		src = src[1:]
	}
	for f := range s.info {
		a := src[0]
		if a == 0 {
			s.info[f] = FrameInfo{Flags: Allocated, G: 1}
			src = src[1:]
			continue
		}
		i := FrameInfo{Typ: Type(a >> 1 & 7), Flags: FrameFlags(src[1]), Stamp: uint32(a >> 4 & 3)}
		t, n := binary.Uvarint(src[2:])
		src = src[2+n:]
		g, n := binary.Uvarint(src)
		src = src[n:]
		i.T, i.G = uint32(t), uint32(g)
		if a&64 != 0 {
			l, n := binary.Varint(src)
			src = src[n:]
			i.Linear = int16(l)
			for _, to := range [...]*uint16{&i.NrValid, &i.Forgotten, &i.ForgottenUses} {
				v, n := binary.Uvarint(src)
				src, *to = src[n:], uint16(v)
			}
		}
		s.info[f] = i
	}
	return src
}
