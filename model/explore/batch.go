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

// batch is a number of successors on their way, in order of their keys. States in words wait twice: on
// stage, until there are enough of them to be compared with the recent ones, and among the items, while memory
// is fetched for their look-up.
type batch struct {
	staged int
	stage  [batchLen]struct{ key, lo, hi uint64 }
	n      int
	items  [batchLen]pending
	bytes  []byte // states of more than two words
}

// waiting returns the number of successors on their way.
func (b *batch) waiting() int { return b.staged + b.n }

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
	b := &w.batch
	p := &b.stage[b.staged]
	p.key, p.lo, p.hi = key, lo, hi
	if b.staged++; b.staged == batchLen {
		w.sift()
	}
}

// sift looks up the successors that have waited, and lets those on stage wait instead that have not been
// met of late; what this worker has met before, it has met at a lower key.
func (w *worker) sift() {
	w.find()
	b, recent := &w.batch, w.recent
	n := 0
	for _, p := range b.stage[:b.staged] {
		hash := hashWords(p.lo, p.hi)
		at := recentAt(hash)
		seen := recent[at : at+2 : at+2]
		differ := (seen[0] ^ p.lo) | (seen[1] ^ p.hi)
		seen[0], seen[1] = p.lo, p.hi
		it := &b.items[n&(batchLen-1)]
		it.key, it.hash, it.a, it.b = p.key, hash, p.lo, p.hi
		if differ != 0 { // half of the time: so this had better be no jump
			n++
		}
	}
	b.n, b.staged = n, 0
	for i := range b.items[:n] {
		w.table.warm(b.items[i].hash)
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
		w.find()
	}
}

// flush looks up all waiting successors.
func (w *worker) flush() {
	if w.batch.staged > 0 {
		w.sift()
	}
	w.find()
}

// find looks up the items of the batch, and enters those that are not stored among the fresh ones.
func (w *worker) find() {
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
