package explore

import (
	"math"
	"slices"
)

// compact is the store that keeps a hash of every state, of one or two words, and the states themselves
// only while they wait for expansion. A state with the hash of another is taken for that one, and missed.
type compact struct {
	table
	n    uint64
	cur  *arena // the level being expanded
	next *arena // the level being found
	log  callLog
}

// newCompact makes an empty store with hashes of so many words for states of the given length.
func newCompact(wide uint64, size int, mem *memory) *compact {
	return &compact{
		table: newTable(wide, mem), log: callLog{mem: mem},
		cur: newArena(size, mem), next: newArena(size, mem),
	}
}

// print returns the words that are kept of a state. The first is never 0, and the home slot depends on it
// alone, so that a hash is found again in a table of any size.
func (x *compact) print(hash, a, b uint64, state []byte) (first, second uint64) {
	first = max(hash, 1)
	switch {
	case x.wide == 1:
		return first, 0
	case x.cur.words():
		return first, hashWords2(a, b)
	}
	return first, hashSeed(state, salt1)
}

// seek returns the place in words where a hash is or ought to be, and the first word there.
func (x *compact) seek(first, second uint64) (at, word uint64) {
	for i := home(first, x.slots); ; i = x.after(i) {
		at = i * x.wide
		w := x.words[at]
		if w == 0 || w == first && (x.wide == 1 || x.words[at+1] == second) {
			return at, w
		}
	}
}

// find implements store.
func (x *compact) find(items []pending, bytes []byte) {
	for i := range items {
		p := &items[i]
		var state []byte
		if !x.cur.words() {
			state = bytes[p.a : p.a+p.b]
		}
		_, p.cand = x.seek(x.print(p.hash, p.a, p.b, state))
	}
}

// len implements store.
func (x *compact) len() uint64 { return x.n }

// front implements store.
func (x *compact) front() (*arena, uint64) { return x.cur, x.n - x.next.n - x.cur.n }

// state implements store.
func (x *compact) state(id uint64) ([]byte, error) {
	cur, base := x.front()
	return cur.at(cur.find(id - base)), nil
}

// endLevel implements store.
func (x *compact) endLevel() {
	x.cur, x.next = x.next, x.cur
	x.next.reset()
}

// needs implements store.
func (x *compact) needs(n, bytes uint64) uint64 {
	more := x.next.needs(n, bytes) + n*2 + logChunk*2
	if slots := x.room(x.n + n); slots > x.slots {
		more += slots * x.wide * 8 // beside the old ones, for a while
	}
	return more
}

// used implements store.
func (x *compact) used() uint64 {
	return x.table.used() + x.log.used() + x.cur.used() + x.next.used()
}

// add implements store.
func (x *compact) add(l line, _ []*worker) (left []int) {
	if slots := x.room(x.n + uint64(l.len())); slots > x.slots {
		x.enlarge(slots)
	}
	var buf [16]byte
	for i := range l.items {
		r := l.record(i)
		state := l.packed(i, &buf)
		first, second := x.print(r.hash, r.a, r.b, state)
		at, word := x.seek(first, second)
		if word != 0 {
			left = append(left, i) // two states of this round share a hash
			continue
		}
		x.words[at] = first
		if x.wide == 2 {
			x.words[at+1] = second
		}
		x.next.append(state)
		x.log.add(l.call(i))
		x.n++
	}
	return left
}

// enlarge moves the hashes into a table with more slots.
func (x *compact) enlarge(slots uint64) {
	old := x.words
	x.words, x.slots = x.mem.slots(slots*x.wide), slots
	for i := uint64(0); i < uint64(len(old)); i += x.wide {
		if old[i] != 0 {
			at, _ := x.seek(old[i], old[i+x.wide-1])
			copy(x.words[at:], old[i:i+x.wide])
		}
	}
	x.mem.freeSlots(old)
}

// chain implements store: states are not kept, so the calls that led to them are made again.
func (x *compact) chain(id uint64, p *parents, m *replayer) ([][]byte, error) {
	ids := []uint64{id}
	for parent, ok := p.of(id); ok; parent, ok = p.of(parent) {
		ids = append(ids, parent)
	}
	slices.Reverse(ids)
	calls := make([]int, 0, len(ids)-1)
	for _, id := range ids[1:] {
		calls = append(calls, int(x.log.at(id)))
	}
	return m.follow(int(x.log.at(ids[0])), calls, x.has)
}

// has says whether a state with the hash of this one is stored.
func (x *compact) has(state []byte) bool {
	p := pending{hash: hashBytes(state)}
	if x.cur.words() {
		p.a, p.b = tailWords(state)
		p.hash = hashWords(p.a, p.b)
	}
	_, word := x.seek(x.print(p.hash, p.a, p.b, state))
	return word != 0
}

// omission returns an upper bound on the probability that at least one of n states was missed, if
// hashes of so many words are as good as random.
func omission(n, wide uint64) float64 {
	return min(1, float64(n)*float64(n)/2*math.Pow(2, -64*float64(wide)))
}

// logChunk is the number of entries by which a callLog grows.
const logChunk = 1 << 16

// callLog remembers of each state by which of the calls of its parent it was found; of an initial state,
// which one it is.
type callLog struct {
	chunks [][]byte // two bytes an entry
	n      uint64
	large  map[uint64]uint32 // entries that do not fit
	mem    *memory
}

const tooLarge = 1<<16 - 1

// add appends an entry.
func (l *callLog) add(call uint32) {
	at := l.n % logChunk
	if at == 0 {
		l.chunks = append(l.chunks, l.mem.bytes(2*logChunk))
	}
	if call >= tooLarge {
		if l.large == nil {
			l.large = map[uint64]uint32{}
		}
		l.large[l.n] = call
		call = tooLarge
	}
	c := l.chunks[len(l.chunks)-1]
	c[2*at], c[2*at+1] = byte(call), byte(call>>8)
	l.n++
}

// at returns the entry of state id.
func (l *callLog) at(id uint64) uint32 {
	c := l.chunks[id/logChunk][2*(id%logChunk):]
	if call := uint32(c[0]) | uint32(c[1])<<8; call != tooLarge {
		return call
	}
	return l.large[id]
}

// used returns the number of bytes in use.
func (l *callLog) used() uint64 { return l.n*2 + uint64(len(l.large))*16 }
