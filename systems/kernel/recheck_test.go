package kernel

import (
	"encoding/binary"
	"testing"
)

// TestElection wants about one in so many states to be chosen, wherever states differ.
func TestElection(t *testing.T) {
	for at := range 44 {
		chosen := 0
		state := make([]byte, 45)
		for n := range 1 << 16 {
			binary.LittleEndian.PutUint16(state[at&^1:], uint16(n))
			if mix(state)%64 == 0 {
				chosen++
			}
		}
		if chosen < 1<<16/64/2 || chosen > 1<<16/64*2 {
			t.Errorf("bytes %d: %d of %d states", at, chosen, 1<<16)
		}
	}
}
