package explore

import (
	"bytes"
	"slices"
)

const (
	refBits = 40 // of a slot; the 24 bits above them are a tag from the hash
	refMask = 1<<refBits - 1
	tagMask = 1<<(64-refBits) - 1
	// manyStates is how many it takes to be worth dividing among workers.
	manyStates = 1 << 12
)

// exact is the store that keeps every state: the states themselves, in order of their numbers, and a
// table that finds them by their bytes. A slot holds the place of a state plus 1 below a tag.
type exact struct {
	table
	arena *arena
}

// newExact makes an empty store for states of the given length (0: of any length).
func newExact(size int, mem *memory) *exact {
	return &exact{table: newTable(1, mem), arena: newArena(size, mem)}
}

// slotValue is what a slot holds for a state with this hash at r.
func slotValue(hash uint64, r ref) uint64 { return hash&tagMask<<refBits | uint64(r) + 1 }

// probe goes on from p.slot to a slot with the right tag, or to an empty one, and puts what it holds into
// p.cand.
func (x *exact) probe(p *pending) {
	i, tag := p.slot, p.hash&tagMask
	for {
		s := x.words[i]
		if s == 0 || s>>refBits == tag {
			p.slot, p.cand = i, s
			return
		}
		i = x.after(i)
	}
}

// find implements store. All items are probed before any state is looked at: so the misses overlap.
func (x *exact) find(items []pending, states []byte) {
	for i := range items {
		p := &items[i]
		p.slot = home(p.hash, x.slots)
		x.probe(p)
	}
	if x.arena.words() {
		x.compareWords(items)
		return
	}
	for i := range items {
		p := &items[i]
		for p.cand != 0 && !bytes.Equal(x.arena.at(ref(p.cand&refMask-1)), states[p.a:p.a+p.b]) {
			p.slot = x.after(p.slot)
			x.probe(p)
		}
	}
}

// compareWords goes on with items whose candidate is another state.
func (x *exact) compareWords(items []pending) {
	for i := range items {
		p := &items[i]
		for p.cand != 0 {
			if lo, hi := x.arena.word(ref(p.cand&refMask - 1)); lo == p.a && hi == p.b {
				break
			}
			p.slot = x.after(p.slot)
			x.probe(p)
		}
	}
}

// len implements store.
func (x *exact) len() uint64 { return x.arena.n }

// front implements store.
func (x *exact) front() (*arena, uint64) { return x.arena, 0 }

// state implements store.
func (x *exact) state(id uint64) ([]byte, error) { return x.arena.at(x.arena.find(id)), nil }

// endLevel implements store.
func (x *exact) endLevel() {}

// needs implements store.
func (x *exact) needs(n, bytes uint64) uint64 { return x.arena.needs(n, bytes) + x.extra(x.arena.n+n) }

// used implements store.
func (x *exact) used() uint64 { return x.arena.used() + x.table.used() }

// add implements store.
func (x *exact) add(l line, crew []*worker) (left []int) {
	if slots := x.room(x.arena.n + uint64(l.len())); slots > x.slots {
		x.reset(slots)
		x.index(x.arena.n, crew)
	}
	if x.arena.words() {
		x.addWords(l, crew)
		return nil
	}
	in := filler{to: &x.table}
	var buf [16]byte
	for i := range l.items {
		in.add(l.record(i).hash, slotValue(l.record(i).hash, x.arena.append(l.packed(i, &buf))))
	}
	in.flush()
	return nil
}

// addWords is add for states in words.
func (x *exact) addWords(l line, crew []*worker) {
	first := x.arena.end
	for i := range l.items {
		r := l.record(i)
		x.arena.appendWords(r.a, r.b)
	}
	share(crew, uint64(l.len()), func(from, to uint64, shared bool) {
		in := filler{to: &x.table, shared: shared}
		for i := from; i < to; i++ {
			hash := l.record(int(i)).hash
			in.add(hash, slotValue(hash, first+ref(i)))
		}
		in.flush()
	})
}

// share divides the numbers below n among the crew, if there are many. Each is told whether others are at
// work, too.
func share(crew []*worker, n uint64, part func(from, to uint64, shared bool)) {
	if n < manyStates || len(crew) == 1 {
		part(0, n, false)
		return
	}
	each := (n + uint64(len(crew)) - 1) / uint64(len(crew))
	side(crew, func(w *worker) bool {
		part(min(n, w.id*each), min(n, (w.id+1)*each), true)
		return false
	})
}

// index puts the first n states into the table.
func (x *exact) index(n uint64, crew []*worker) {
	if x.arena.size == 0 {
		crew = crew[:1] // of states of varying length it would not be known where each of the crew begins
	}
	share(crew, n, x.indexPart)
}

// indexPart is index for one worker.
func (x *exact) indexPart(from, to uint64, shared bool) {
	in := filler{to: &x.table, shared: shared}
	if x.arena.words() {
		for id := from; id < to; id++ {
			hash := hashWords(x.arena.word(ref(id)))
			in.add(hash, slotValue(hash, ref(id)))
		}
	} else if from < to {
		r := x.arena.find(from)
		for ; from < to; from++ {
			state, after := x.arena.next(r)
			hash := hashBytes(state)
			in.add(hash, slotValue(hash, r))
			r = after
		}
	}
	in.flush()
}

// chain implements store.
func (x *exact) chain(id uint64, p *parents, _ *replayer) ([][]byte, error) {
	var back [][]byte
	for ok := true; ok; id, ok = p.of(id) {
		back = append(back, x.arena.at(x.arena.find(id)))
	}
	slices.Reverse(back)
	return back, nil
}
