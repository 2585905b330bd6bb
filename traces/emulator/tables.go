package emulator

import (
	"errors"
	"io"
	"math"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Tables are page tables as a recording leaves them, by nothing but its stores.
type Tables struct {
	Levels              int // 0: paging is off
	CR0, CR3, CR4, EFER uint64
	words               map[uint64]*[512]uint64 // by frame
	filling             *[512]uint64            // the table that runs belong to
}

// ReadTables reads a recording to its end.
func ReadTables(r *kernel.Reader) (*Tables, error) { return ReadTablesTo(r, math.MaxInt) }

// ReadTablesTo reads a recording up to a line of it.
func ReadTablesTo(r *kernel.Reader, line int) (*Tables, error) {
	t := &Tables{words: map[uint64]*[512]uint64{}}
	for {
		var e kernel.Event
		switch err := r.Next(&e); {
		case errors.Is(err, io.EOF):
			return t, nil
		case err != nil:
			return nil, err
		case e.Line > line && !part(&e):
			return t, nil
		}
		t.event(&e)
	}
}

// part reports whether an event belongs to the one before it: it is the content of a table.
func part(e *kernel.Event) bool { return e.Kind == kernel.Table || e.Kind == kernel.Run }

// event takes in an event.
func (t *Tables) event(e *kernel.Event) {
	switch e.Kind {
	case kernel.Mode:
		t.Levels = e.Level
		clear(t.words)
	case kernel.Control:
		t.CR0, t.CR3, t.CR4, t.EFER = e.CR0, e.CR3, e.CR4, e.EFER
	case kernel.Table:
		t.filling = t.table(e.Frame)
		t.empty(t.filling, e)
	case kernel.Run:
		for i := range e.Count {
			t.set(t.filling, e.Slot+i, e.New+uint64(i)*e.Stride)
		}
	case kernel.Store:
		if e.Level > 0 {
			t.set(t.table(e.Frame), e.Slot, e.New)
		}
	case kernel.Release:
		delete(t.words, e.Frame)
	}
}

func (t *Tables) table(frame uint64) *[512]uint64 {
	w := t.words[frame]
	if w == nil {
		w = new([512]uint64)
		t.words[frame] = w
	}
	return w
}

// empty clears what a table's line speaks of: the table, or one root of several in a frame.
func (t *Tables) empty(w *[512]uint64, e *kernel.Event) {
	if t.Levels == 3 && e.Level == 3 {
		clear(w[e.Offset/8:][:4])
		return
	}
	clear(w[:])
}

func (t *Tables) set(w *[512]uint64, slot int, v uint64) {
	switch {
	case w == nil || slot >= t.slots():
	case t.Levels == 2:
		shift := uint(slot&1) * 32
		w[slot/2] = w[slot/2]&^(0xffffffff<<shift) | v<<shift
	default:
		w[slot] = v
	}
}

// slots is the number of entries of a table.
func (t *Tables) slots() int {
	if t.Levels == 2 {
		return 1024
	}
	return 512
}

// entry is an entry of a table.
func (t *Tables) entry(w *[512]uint64, slot int) uint64 {
	if t.Levels == 2 {
		return w[slot/2] >> (uint(slot&1) * 32) & 0xffffffff
	}
	return w[slot]
}

// Bits of entries.
const (
	present   = 1 << 0
	writable  = 1 << 1
	userMode  = 1 << 2
	large     = 1 << 7
	noExecute = 1 << 63
	address   = 0x000ffffffffff000
	cr4PSE    = 1 << 4
)

// Leaf is a mapping.
type Leaf struct {
	VA, PA, Size uint64
	// Entry is the leaf itself, with what the tables above it take away: writable and user
	// only if all say so, no-execute if one says so.
	Entry uint64
	// Pointers are the entries that lead to it, by their level.
	Pointers [6]uint64
}

// Leaves calls f for each leaf below the root that is loaded, by ascending address, as long as
// f returns true.
func (t *Tables) Leaves(f func(l Leaf) bool) {
	if t.Levels == 0 {
		return
	}
	root, first := t.words[t.CR3&address>>12], 0
	if t.Levels == 3 {
		first = int(t.CR3&0xfe0) / 8
	}
	if root != nil {
		t.leaves(root, first, t.Levels, Leaf{Entry: writable | userMode}, f)
	}
}

// leaves visits the leaves below a table; to is what the entries that lead to it come to.
func (t *Tables) leaves(w *[512]uint64, first, level int, to Leaf, f func(l Leaf) bool) bool {
	bits, n := uint(9), t.slots()
	if t.Levels == 2 {
		bits = 10
	}
	if t.Levels == 3 && level == 3 {
		n = 4
	}
	shift := 12 + bits*uint(level-1)
	for i := range n {
		e := t.entry(w, first+i)
		if e&present == 0 {
			continue
		}
		at, allowed := to.VA|uint64(i)<<shift, to.Entry
		if level == t.Levels && level >= 4 && i >= 256 {
			at |= ^uint64(0) << (shift + bits)
		}
		if t.isLeaf(e, level) {
			size := uint64(1) << shift
			if !f(Leaf{at, e & address &^ (size - 1), size, e&^(writable|userMode) | e&allowed | allowed&noExecute, to.Pointers}) {
				return false
			}
			continue
		}
		below := allowed&e&(writable|userMode) | (allowed|e)&noExecute
		if t.Levels == 3 && level == 3 {
			below = allowed // its entries have no such bits
		}
		down := Leaf{VA: at, Entry: below, Pointers: to.Pointers}
		down.Pointers[level] = e
		if next := t.words[e&address>>12]; next != nil && !t.leaves(next, 0, level-1, down, f) {
			return false
		}
	}
	return true
}

func (t *Tables) isLeaf(e uint64, level int) bool {
	switch {
	case level == 1:
		return true
	case e&large == 0:
		return false
	case t.Levels == 2:
		return t.CR4&cr4PSE != 0
	case t.Levels == 3:
		return level == 2
	}
	return level <= 3
}
