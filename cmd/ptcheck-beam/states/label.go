// Package states packs states and the ways to them: for the batches that shards send each
// other, and for the files that they keep.
package states

import "math/bits"

// A label is the way to a state by places: the initial state's number, then the place of each
// call among those of the state that it is made in. Labels of one depth are ordered as their
// bytes: by the place where the first of them parts from the other. That is the order in which
// a search on one machine numbers its states, and no label is the beginning of another one of
// the same depth.

// shortest is the first value that takes more than a byte.
const shortest = 0xf8

// AppendPlace appends a place to a label: small ones as a byte, others as a byte that tells
// how many follow, the highest first.
func AppendPlace(label []byte, place uint64) []byte {
	if place < shortest {
		return append(label, byte(place))
	}
	n := (bits.Len64(place) + 7) / 8
	label = append(label, byte(shortest-1+n))
	for i := n - 1; i >= 0; i-- {
		label = append(label, byte(place>>(8*i)))
	}
	return label
}

// Places takes a label apart. It says false if it is none.
func Places(label []byte) (places []uint64, ok bool) {
	for len(label) > 0 {
		place, n := uint64(label[0]), 0
		label = label[1:]
		if place >= shortest {
			n, place = int(place)-shortest+1, 0
		}
		if n > len(label) {
			return nil, false
		}
		for _, b := range label[:n] {
			place = place<<8 | uint64(b)
		}
		label = label[n:]
		places = append(places, place)
	}
	return places, true
}
