package model

import "encoding/binary"

// Tags of a packed frame.
const (
	pageZero   = iota // all zero
	pageWords         // the tags of its words and the words follow
	pageLitter        // litter
)

// Tags of a packed memory word.
const (
	wordZero  = iota // zero
	wordSmall        // three bytes hold it, see smallWord
	wordPair         // two 32-bit halves of three bytes each
	wordRaw          // eight bytes
)

// smallWord squeezes an entry with a frame number below 1024 and no flags but
// the low twelve, GuestKernel and NX into 24 bits.
func smallWord(w uint64) (uint32, bool) {
	const plain = 1<<22 - 1
	e := Entry(w)
	if e&^(plain|GuestKernel|NX) != 0 {
		return 0, false
	}
	v := uint32(e & plain)
	if e.Is(GuestKernel) {
		v |= 1 << 22
	}
	if e.Is(NX) {
		v |= 1 << 23
	}
	return v, true
}

func bigWord(v uint32) uint64 {
	e := Entry(v & (1<<22 - 1))
	if v&(1<<22) != 0 {
		e |= GuestKernel
	}
	if v&(1<<23) != 0 {
		e |= NX
	}
	return uint64(e)
}

func put24(dst []byte, v uint32) []byte {
	return append(dst, byte(v), byte(v>>8), byte(v>>16))
}

func take24(src []byte) uint32 {
	return uint32(src[0]) | uint32(src[1])<<8 | uint32(src[2])<<16
}

// packMemory writes, for every frame that is neither empty nor littered, two bits a word
// that say how it is written, then the words that are not zero.
func (s *State) packMemory(dst []byte) []byte {
	n := s.L.words()
	for f, p := range s.pages {
		if isZero(p) {
			dst = append(dst, pageZero)
			continue
		}
		if s.Littered(Frame(f)) {
			dst = append(dst, pageLitter)
			continue
		}
		dst = append(dst, pageWords)
		tags := len(dst)
		for range (n + 3) / 4 {
			dst = append(dst, 0)
		}
		for i, w := range p {
			var tag byte
			dst, tag = packWord(dst, w)
			dst[tags+i/4] |= tag << (2 * (i % 4))
		}
	}
	return dst
}

func isZero(p []uint64) bool {
	for _, w := range p {
		if w != 0 {
			return false
		}
	}
	return true
}

func packWord(dst []byte, w uint64) ([]byte, byte) {
	if w == 0 {
		return dst, wordZero
	}
	if v, ok := smallWord(w); ok {
		return put24(dst, v), wordSmall
	}
	lo, ok1 := smallWord(uint64(uint32(w)))
	hi, ok2 := smallWord(w >> 32)
	if ok1 && ok2 {
		return put24(put24(dst, lo), hi), wordPair
	}
	return binary.LittleEndian.AppendUint64(dst, w), wordRaw
}

func (s *State) unpackMemory(src []byte) []byte {
	n := s.L.words()
	for f := range s.pages {
		if src[0] == pageZero {
			clear(s.pages[f])
			src = src[1:]
			continue
		}
		if s.pages[f] == nil {
			s.pages[f] = make([]uint64, n)
		}
		if src[0] == pageLitter {
			s.fillLitter(Frame(f))
			src = src[1:]
			continue
		}
		tags := src[1:]
		src = src[1+(n+3)/4:]
		for i := range n {
			s.pages[f][i], src = unpackWord(src, tags[i/4]>>(2*(i%4))&3)
		}
	}
	return src
}

func unpackWord(src []byte, tag byte) (uint64, []byte) {
	switch tag {
	case wordSmall:
		return bigWord(take24(src)), src[3:]
	case wordPair:
		return bigWord(take24(src)) | bigWord(take24(src[3:]))<<32, src[6:]
	case wordRaw:
		return binary.LittleEndian.Uint64(src), src[8:]
	}
	return 0, src
}
