package explore

import "sort"

// lookup returns the number of a state, if it is stored.
func (x *exact) lookup(key []byte) (id uint64, ok bool) {
	p := [1]pending{{hash: x.hash(key), b: uint64(len(key))}}
	if x.arena.words() {
		p[0].a, p[0].b = tailWords(key)
	}
	if x.find(p[:], key); p[0].cand == 0 {
		return 0, false
	}
	return x.id(ref(p[0].cand&refMask - 1)), true
}

// put stores a state that is not stored yet, and returns its number.
func (x *exact) put(key []byte) (id uint64) {
	if slots := x.room(x.arena.n + 1); slots > x.slots {
		x.reset(slots)
		x.indexPart(0, x.arena.n, false)
	}
	id = x.arena.n
	in := filler{to: &x.table}
	hash := x.hash(key)
	in.add(hash, slotValue(hash, x.arena.append(key)))
	in.flush()
	return id
}

// hash returns the hash by which a state is found.
func (x *exact) hash(state []byte) uint64 {
	if x.arena.words() {
		return hashWords(tailWords(state))
	}
	return hashBytes(state)
}

// id returns the number of the state at r.
func (x *exact) id(r ref) uint64 {
	a := x.arena
	if a.size > 0 {
		return uint64(r)
	}
	k := sort.Search(len(a.samples), func(i int) bool { return a.samples[i] > r }) - 1
	id := uint64(k) << sampleBits
	for at := a.samples[k]; at != r; id++ {
		_, at = a.next(at)
	}
	return id
}
