package explore

const (
	// batchLen is the number of successors that wait together for their look-up, so that their cache
	// misses overlap: enough to cover the latency of memory, few enough to stay in the nearest cache.
	batchLen = 32
	// recentBits: each worker remembers 2^14 states that it has met of late. Neighbouring states have
	// many successors in common, and those need no look-up.
	recentBits = 14
)

// pending is a successor on its way into the store.
type pending struct {
	key, hash uint64
	a, b      uint64 // the state as words, or offset and length in batch.bytes
	slot      uint64 // where the probe of the table stands
	cand      uint64 // what that slot held
}

// batch is a number of pending successors, in order of their keys.
type batch struct {
	n     int
	items [batchLen]pending
	bytes []byte // states of more than two words
}

// newRecent makes a memory of recent states. It is not to know the state of all zeros before that was met.
func newRecent(mem *memory) []uint64 {
	r := mem.slots(2 << recentBits)
	at := recentAt(hashWords(0, 0))
	for v := uint64(1); ; v++ {
		if recentAt(hashWords(v, 0)) != at {
			r[at] = v // cannot be met here
			return r
		}
	}
}

// recentAt returns where a state with this hash is remembered.
func recentAt(hash uint64) uint64 { return hash >> (64 - recentBits) * 2 }

// pushWords takes up a successor of at most 16 bytes.
func (w *worker) pushWords(key, lo, hi uint64) {
	hash := hashWords(lo, hi)
	at := recentAt(hash)
	seen := w.recent[at : at+2 : at+2]
	if seen[0] == lo && seen[1] == hi {
		return // met before by this worker, so at a lower key
	}
	seen[0], seen[1] = lo, hi
	b := &w.batch
	p := &b.items[b.n]
	p.key, p.hash, p.a, p.b = key, hash, lo, hi
	w.table.warm(hash)
	if b.n++; b.n == batchLen {
		w.flush()
	}
}

// pushBytes takes up a successor of any length.
func (w *worker) pushBytes(key uint64, state []byte) {
	b := &w.batch
	p := &b.items[b.n]
	p.key, p.hash, p.a, p.b = key, hashBytes(state), uint64(len(b.bytes)), uint64(len(state))
	w.table.warm(p.hash)
	b.bytes = append(b.bytes, state...)
	if b.n++; b.n == batchLen {
		w.flush()
	}
}

// flush looks up the waiting successors, and enters those that are not stored among the fresh ones.
func (w *worker) flush() {
	b := &w.batch
	items := b.items[:b.n]
	w.store.find(items, b.bytes)
	for i := range items {
		p := &items[i]
		if p.cand == 0 && w.graves.len() > 0 {
			w.graves.find(items[i:i+1], b.bytes)
		}
		if p.cand != 0 {
			continue
		}
		var state []byte
		if !w.words {
			state = b.bytes[p.a : p.a+p.b]
		}
		if err := w.fresh.insert(w.owner, p, state); err != nil {
			w.err = err
		}
	}
	b.n, b.bytes = 0, b.bytes[:0]
}
