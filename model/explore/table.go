package explore

import (
	"math/bits"
	"sync/atomic"
)

// table is an open-addressing hash table with linear probing; an empty slot holds 0 in its first word. The
// home slot is the high part of hash x slots, so the number of slots need not be a power of two. While
// workers expand states it is only read.
type table struct {
	words []uint64
	slots uint64 // their number
	wide  uint64 // words of a slot, 1 or 2
	mem   *memory
}

// firstSlots is the size of a new table.
const firstSlots = 1 << 12

// newTable makes an empty table.
func newTable(wide uint64, mem *memory) table {
	return table{words: mem.slots(firstSlots * wide), slots: firstSlots, wide: wide, mem: mem}
}

// home returns the slot at which the search for a hash begins in a table of n slots.
func home(hash, n uint64) uint64 {
	hi, _ := bits.Mul64(hash, n)
	return hi
}

// after returns the slot after slot i.
func (t *table) after(i uint64) uint64 {
	if i++; i < t.slots {
		return i
	}
	return 0
}

// warm asks for the memory in which the search for a hash begins.
func (t *table) warm(hash uint64) { prefetch(&t.words[home(hash, t.slots)*t.wide]) }

// room returns the number of slots needed for n entries: the present one as long as it is at most three
// quarters full, then half as much again, as often as it takes.
func (t *table) room(n uint64) uint64 {
	slots := t.slots
	for n > slots/4*3 {
		slots += slots / 2
	}
	return slots
}

// extra returns how many more bytes a table with room for n entries takes.
func (t *table) extra(n uint64) uint64 { return (t.room(n) - t.slots) * t.wide * 8 }

// reset replaces the slots by n empty ones. The old and the new ones never coexist.
func (t *table) reset(n uint64) {
	t.mem.freeSlots(t.words)
	t.words = nil
	t.words, t.slots = t.mem.slots(n*t.wide), n
}

// used returns the number of bytes of the table.
func (t *table) used() uint64 { return t.slots * t.wide * 8 }

// filler puts values into a table of one-word slots, a batch at a time so that cache misses overlap. With
// shared, others may do so at the same time.
type filler struct {
	to     *table
	shared bool
	n      int
	items  [batchLen]struct{ slot, value uint64 }
}

// add puts value, which is not 0, into the first free slot for hash, sooner or later.
func (f *filler) add(hash, value uint64) {
	it := &f.items[f.n]
	it.slot, it.value = home(hash, f.to.slots), value
	prefetch(&f.to.words[it.slot])
	if f.n++; f.n == batchLen {
		f.flush()
	}
}

// flush puts in what waits.
func (f *filler) flush() {
	words := f.to.words
	for _, it := range f.items[:f.n] {
		i := it.slot
		for {
			if f.shared {
				if atomic.CompareAndSwapUint64(&words[i], 0, it.value) {
					break
				}
			} else if words[i] == 0 {
				words[i] = it.value
				break
			}
			i = f.to.after(i)
		}
	}
	f.n = 0
}
