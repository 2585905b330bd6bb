package explore

import (
	"encoding/binary"
	"math/bits"
)

const (
	chunkBits = 22             // an arena grows by chunks of 4 MiB
	chunkSize = 1 << chunkBits // two huge pages
	// maxStateLen leaves a chunk at least three quarters full.
	maxStateLen = chunkSize / 4
	// sampleBits: of every 64th state of varying length the place is remembered.
	sampleBits = 6
)

// ref is the place of a state in an arena: its number when all states have one length, else its offset.
type ref uint64

// arena keeps packed states one after another, in order of their numbers, in big chunks that never move.
type arena struct {
	size   int // length of each state in bytes, 0 if it varies
	stride int // bytes from one state to the next; 8 or 16 for states that fit into words
	perLog int // fixed length: log2 of the number of states in a chunk

	chunks  [][]byte
	n       uint64 // number of states
	end     ref    // place of the next state
	samples []ref  // varying length: places of states 0, 64, 128...
	mem     *memory
}

// newArena makes an empty arena for states of the given length (0: of any length).
func newArena(size int, mem *memory) *arena {
	a := &arena{size: size, stride: size, mem: mem}
	if a.words() {
		a.stride = (size + 7) &^ 7
	}
	if size > 0 {
		a.perLog = bits.Len(uint(chunkSize/a.stride)) - 1
	}
	return a
}

// reset forgets all states and keeps the room.
func (a *arena) reset() { a.n, a.end, a.samples = 0, 0, a.samples[:0] }

// words says whether states are handled as one or two machine words.
func (a *arena) words() bool { return a.size > 0 && a.size <= 16 }

// append stores one more state and returns its place. Fixed-length states must have the length declared.
func (a *arena) append(state []byte) ref {
	if a.size > 0 {
		at := a.end
		copy(a.room(at), state)
		a.n++
		a.end++
		return at
	}
	return a.appendVarying(state)
}

// appendWords stores one more state of at most 16 bytes.
func (a *arena) appendWords(lo, hi uint64) ref {
	at := a.end
	if int(at>>a.perLog) == len(a.chunks) {
		a.chunks = append(a.chunks, a.mem.bytes(chunkSize))
	}
	off := int(at) & (1<<a.perLog - 1) * a.stride
	c := a.chunks[at>>a.perLog][off : off+a.stride]
	binary.LittleEndian.PutUint64(c, lo)
	if a.stride == 16 {
		binary.LittleEndian.PutUint64(c[8:], hi)
	}
	a.n++
	a.end++
	return at
}

// needs returns how many more bytes of memory it may take at most to store n more states of so many bytes
// in all.
func (a *arena) needs(n, bytes uint64) uint64 {
	chunks := uint64(0)
	if a.size > 0 {
		chunks = (uint64(a.end)+n+1<<a.perLog-1)>>a.perLog - uint64(len(a.chunks))
	} else {
		bytes += n * binary.MaxVarintLen32
		chunks = (bytes + chunkSize - maxStateLen - 1) / (chunkSize - maxStateLen) // of each chunk a quarter may be lost
		if uint64(a.end)+bytes <= uint64(len(a.chunks))<<chunkBits {
			chunks = 0
		}
	}
	return chunks << chunkBits
}

// appendVarying stores a state behind a prefix that holds its length plus 1; a prefix of 0 sends a reader
// on to the next chunk.
func (a *arena) appendVarying(state []byte) ref {
	var prefix [binary.MaxVarintLen32]byte
	p := binary.PutUvarint(prefix[:], uint64(len(state)+1))
	need := p + len(state)
	off := int(a.end) & (chunkSize - 1)
	if off+need > chunkSize {
		if off < chunkSize {
			a.chunks[a.end>>chunkBits][off] = 0
		}
		a.end = (a.end + chunkSize - 1) &^ (chunkSize - 1)
		off = 0
	}
	at := a.end
	if int(at>>chunkBits) == len(a.chunks) {
		a.chunks = append(a.chunks, a.mem.bytes(chunkSize))
	}
	c := a.chunks[at>>chunkBits]
	copy(c[off:], prefix[:p])
	copy(c[off+p:], state)
	if a.n&(1<<sampleBits-1) == 0 {
		a.samples = append(a.samples, at)
	}
	a.n++
	a.end = at + ref(need)
	return at
}

// room returns the space of the fixed-length state at r, making the chunk if it is the first in it.
func (a *arena) room(r ref) []byte {
	if int(r>>a.perLog) == len(a.chunks) {
		a.chunks = append(a.chunks, a.mem.bytes(chunkSize))
	}
	off := int(r) & (1<<a.perLog - 1) * a.stride
	return a.chunks[r>>a.perLog][off : off+a.size]
}

// at returns the bytes of the state at r; they must not be written.
func (a *arena) at(r ref) []byte {
	if a.size > 0 {
		off := int(r) & (1<<a.perLog - 1) * a.stride
		return a.chunks[r>>a.perLog][off : off+a.size : off+a.size]
	}
	c := a.chunks[r>>chunkBits][r&(chunkSize-1):]
	n, p := binary.Uvarint(c)
	return c[p : p+int(n)-1 : p+int(n)-1]
}

// word returns the state at r, of at most 16 bytes and padded with zeros, as two words.
func (a *arena) word(r ref) (lo, hi uint64) {
	c := a.chunks[r>>a.perLog]
	off := (uint(r) & (1<<a.perLog - 1)) * uint(a.stride)
	if a.stride == 16 {
		b := c[off : off+16]
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	}
	return binary.LittleEndian.Uint64(c[off : off+8]), 0
}

// start returns r, or the beginning of the next chunk if nothing more is stored in the chunk of r.
func (a *arena) start(r ref) ref {
	if a.size == 0 && r < a.end {
		off := r & (chunkSize - 1)
		if off != 0 && a.chunks[r>>chunkBits][off] == 0 {
			return (r + chunkSize - 1) &^ (chunkSize - 1)
		}
	}
	return r
}

// next returns the state at r and the place of the state after it (or of the end).
func (a *arena) next(r ref) (state []byte, after ref) {
	state = a.at(r)
	if a.size > 0 {
		return state, r + 1
	}
	return state, a.start(r + ref(len(state)+uvarintLen(uint64(len(state)+1))))
}

// find returns the place of state number id.
func (a *arena) find(id uint64) ref {
	if a.size > 0 {
		return ref(id)
	}
	r := a.samples[id>>sampleBits]
	for k := id & (1<<sampleBits - 1); k > 0; k-- {
		_, r = a.next(r)
	}
	return r
}

// used returns the number of bytes that states take.
func (a *arena) used() uint64 {
	if a.size > 0 {
		return a.n * uint64(a.stride)
	}
	return uint64(a.end) + uint64(len(a.samples))*8
}

// uvarintLen returns the number of bytes that encoding/binary needs for x.
func uvarintLen(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }
