package explore

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants without structure (digits of pi).
const (
	salt0 = 0x243f6a8885a308d3
	salt1 = 0x13198a2e03707345
	salt2 = 0xa4093822299f31d1
	salt3 = 0x082efa98ec4e6c89
)

// fold multiplies to 128 bits and folds the halves: each bit of the result depends on all of the input.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashWords is the hash of a state of at most 16 bytes.
func hashWords(lo, hi uint64) uint64 {
	return fold(fold(lo^salt0, hi^salt1)^lo, salt2^bits.RotateLeft64(hi, 23))
}

// hashBytes is the hash of a state of any length.
func hashBytes(b []byte) uint64 { return hashSeed(b, 0) }

// hashSeed is a family of hashes of states of any length.
func hashSeed(b []byte, seed uint64) uint64 {
	h := seed ^ uint64(len(b))*salt3
	for len(b) >= 16 {
		x, y := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		h = fold(x^salt0^h, y^salt1) ^ bits.RotateLeft64(h, 29)
		b = b[16:]
	}
	x, y := tailWords(b)
	return fold(fold(x^salt0^h, y^salt1)^x, salt2^bits.RotateLeft64(h+y, 23))
}

// tailWords reads fewer than 17 bytes as two words, padded with zeros.
func tailWords(b []byte) (lo, hi uint64) {
	if len(b) >= 8 {
		lo = binary.LittleEndian.Uint64(b)
		for i := len(b) - 1; i >= 8; i-- {
			hi = hi<<8 | uint64(b[i])
		}
		return lo, hi
	}
	for i := len(b) - 1; i >= 0; i-- {
		lo = lo<<8 | uint64(b[i])
	}
	return lo, 0
}

// hashWords2 is a second hash of a state of at most 16 bytes, independent of hashWords.
func hashWords2(lo, hi uint64) uint64 {
	return fold(fold(hi^salt3, lo^salt2)^hi, salt0^bits.RotateLeft64(lo, 41))
}
