package explore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// record is a state that was new to the round in which it was met.
type record struct {
	key  uint64 // where it was met first: see keyOf; changed by atomic operations while workers run
	hash uint64
	a, b uint64 // the state as two words, or offset and length in the slabs of the worker
}

const (
	callBits = 20 // of a key
	maxCalls = 1 << callBits
	// noKey is above all keys.
	noKey = 1<<63 - 1
)

// keyOf orders transitions as a sequential search meets them: by the state they start from, then by
// the place of the call among the calls of that state.
func keyOf(state uint64, call int) uint64 { return state<<callBits | uint64(call) }

const (
	slabBits = 20 // states of varying length are kept in slabs of 1 MiB, as much as maxStateLen
	maxSlabs = 4096
)

// fresh holds the states that are new in this round, each once. Workers enter them side by side: whoever
// comes first stores the state in a record of its own, others lower the key of that record if
// theirs is less, so that in the end it does not matter who came first.
//
// A slot of its table holds a tag of 24 bits from the hash, 8 bits for the worker, and the number of the
// worker's record plus 1; or 0.
type fresh struct {
	table  []uint64
	owners []*owner
	words  bool
}

// owner is what one worker has entered into fresh.
type owner struct {
	id    uint64
	recs  []record // room; records must not move while workers run
	n     int      // how many are used
	slabs [maxSlabs]atomic.Pointer[[1 << slabBits]byte]
	end   uint64   // offset of the free part of the slabs
	held  [][]byte // slabs as they came from the platform
}

// same says whether the record at slot s is the state (a, b) in words, or state in bytes.
func (f *fresh) same(r *record, o *owner, a, b uint64, state []byte) bool {
	if f.words {
		return r.a == a && r.b == b
	}
	return bytes.Equal(o.state(r), state)
}

// state returns the bytes of a record of varying length.
func (o *owner) state(r *record) []byte {
	off := r.a & (1<<slabBits - 1)
	return o.slabs[r.a>>slabBits].Load()[off : off+r.b : off+r.b]
}

// keep copies a state into the slabs and returns its offset.
func (o *owner) keep(state []byte) (uint64, error) {
	off := o.end & (1<<slabBits - 1)
	if off+uint64(len(state)) > 1<<slabBits {
		o.end += 1<<slabBits - off
	}
	k := o.end >> slabBits
	if k >= maxSlabs {
		return 0, fmt.Errorf("explore: memory: new states of one round take more than %d bytes", uint64(maxSlabs)<<slabBits)
	}
	p := o.slabs[k].Load()
	if p == nil {
		b, raw := mapBlock(1<<slabBits, false)
		p = (*[1 << slabBits]byte)(b)
		o.held = append(o.held, raw)
		o.slabs[k].Store(p)
	}
	at := o.end
	copy(p[at&(1<<slabBits-1):], state)
	o.end += uint64(len(state))
	return at, nil
}

// close gives the slabs back.
func (o *owner) close() {
	for _, raw := range o.held {
		if raw != nil {
			unmapBlock(raw)
		}
	}
}

// insert enters a state met by owner o, unless it is there; then its key becomes the lesser of the two. o
// must have room for a record. States of more than two words are in bytes.
func (f *fresh) insert(o *owner, p *pending, state []byte) error {
	key, hash, a, b := p.key, p.hash, p.a, p.b
	tag := hash & tagMask << refBits
	var mine uint64 // what the slot would hold
	for i := home(hash, uint64(len(f.table))); ; {
		s := atomic.LoadUint64(&f.table[i])
		if s == 0 {
			if mine == 0 {
				if !f.words {
					var err error
					if a, err = o.keep(state); err != nil {
						return err
					}
					b = uint64(len(state))
				}
				r := &o.recs[o.n]
				r.hash, r.a, r.b = hash, a, b
				atomic.StoreUint64(&r.key, key)
				mine = tag | o.id<<32 | uint64(o.n+1)
			}
			if atomic.CompareAndSwapUint64(&f.table[i], 0, mine) {
				o.n++
				return nil
			}
			s = atomic.LoadUint64(&f.table[i])
		}
		if s&^refMask == tag {
			from := f.owners[s>>32&(maxWorkers-1)]
			if r := &from.recs[uint32(s)-1]; f.same(r, from, a, b, state) {
				lower(&r.key, key)
				return nil
			}
		}
		if i++; i == uint64(len(f.table)) {
			i = 0
		}
	}
}

// lower makes *p the lesser of itself and key.
func lower(p *uint64, key uint64) {
	for {
		old := atomic.LoadUint64(p)
		if old <= key || atomic.CompareAndSwapUint64(p, old, key) {
			return
		}
	}
}

// clear empties the table and forgets all records; a short round clears slot by slot.
func (f *fresh) clear() {
	total := 0
	for _, o := range f.owners {
		total += o.n
	}
	if total > len(f.table)/16 {
		clear(f.table)
	}
	for _, o := range f.owners {
		for k := 0; k < o.n && total <= len(f.table)/16; k++ {
			f.drop(o, k)
		}
		o.n, o.end = 0, 0
	}
}

// drop empties the slot of record k of o. The search for it must not stop at slots emptied before.
func (f *fresh) drop(o *owner, k int) {
	hash := o.recs[k].hash
	mine := hash&tagMask<<refBits | o.id<<32 | uint64(k+1)
	i := home(hash, uint64(len(f.table)))
	for f.table[i] != mine {
		if i++; i == uint64(len(f.table)) {
			i = 0
		}
	}
	f.table[i] = 0
}

// enter puts record k of o, which is not in the table, into it. No worker runs.
func (f *fresh) enter(o *owner, k int) {
	hash := o.recs[k].hash
	i := home(hash, uint64(len(f.table)))
	for f.table[i] != 0 {
		if i++; i == uint64(len(f.table)) {
			i = 0
		}
	}
	f.table[i] = hash&tagMask<<refBits | o.id<<32 | uint64(k+1)
}

// packed returns the bytes of a record; those of words are put into buf.
func (o *owner) packed(r *record, buf *[16]byte, size int) []byte {
	if size > 16 || size == 0 {
		return o.state(r)
	}
	return wordBytes(r.a, r.b, buf)[:size]
}

// wordBytes puts a state in words into buf.
func wordBytes(a, b uint64, buf *[16]byte) []byte {
	binary.LittleEndian.PutUint64(buf[:8], a)
	binary.LittleEndian.PutUint64(buf[8:], b)
	return buf[:]
}
