// Package imagetest makes memory images for tests: memory with page tables, written in
// each form that package image reads.
package imagetest

import (
	"encoding/binary"
	"slices"

	"github.com/ptcheck/ptcheck/traces/image"
)

// Memory is the memory of a machine. Frames that are not in Stored are zero.
type Memory struct {
	Frames uint64 // how many the machine has, from 0 on
	Stored map[uint64]*image.Page
}

// New returns a machine with so many frames of zeros.
func New(frames uint64) *Memory { return &Memory{frames, map[uint64]*image.Page{}} }

// Frame returns the contents of a frame, to be changed.
func (m *Memory) Frame(frame uint64) *image.Page {
	p := m.Stored[frame]
	if p == nil {
		p = new(image.Page)
		m.Stored[frame] = p
	}
	return p
}

// Put64 writes a word of 8 bytes at a physical address.
func (m *Memory) Put64(phys, value uint64) {
	binary.LittleEndian.PutUint64(m.Frame(phys >> image.PageShift)[phys%image.PageSize:], value)
}

// Put32 writes a word of 4 bytes at a physical address.
func (m *Memory) Put32(phys uint64, value uint32) {
	binary.LittleEndian.PutUint32(m.Frame(phys >> image.PageShift)[phys%image.PageSize:], value)
}

// order lists the frames that are stored, ascending.
func (m *Memory) order() []uint64 {
	var out []uint64
	for f := range m.Stored {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// Entry bits.
const (
	Present  = 1 << 0
	Writable = 1 << 1
	User     = 1 << 2
	Through  = 1 << 3
	Uncached = 1 << 4
	Large    = 1 << 7
	NX       = 1 << 63

	pointer = Present | Writable | User | 0x60
)

// Tables builds page tables in a memory: tables are taken from frame Next on.
type Tables struct {
	*Memory
	Mode image.Mode
	Root uint64 // physical
	Next uint64
}

// NewTables takes the first frame for a root.
func NewTables(m *Memory, mode image.Mode, first uint64) *Tables {
	m.Frame(first)
	return &Tables{m, mode, first << image.PageShift, first + 1}
}

// get reads an entry.
func (t *Tables) get(table uint64, slot int) uint64 {
	at := t.Frame(table >> image.PageShift)[int(table%image.PageSize)+slot*t.Mode.EntrySize():]
	if t.Mode.EntrySize() == 4 {
		return uint64(binary.LittleEndian.Uint32(at))
	}
	return binary.LittleEndian.Uint64(at)
}

// Set writes an entry.
func (t *Tables) Set(table uint64, slot int, value uint64) {
	if at := table + uint64(slot*t.Mode.EntrySize()); t.Mode.EntrySize() == 4 {
		t.Put32(at, uint32(value))
	} else {
		t.Put64(at, value)
	}
}

// slot is the index of an address at a level.
func (t *Tables) slot(va uint64, level int) int {
	return int(va>>t.Mode.Shift(level)) & (t.Mode.Slots(level) - 1)
}

// Place returns the table of a level that maps an address, made if it is not there, and
// the slot in it.
func (t *Tables) Place(va uint64, level int) (table uint64, slot int) {
	table = t.Root
	for l := t.Mode.Levels(); l > level; l-- {
		slot := t.slot(va, l)
		e := t.get(table, slot)
		if e&Present == 0 {
			e = t.Next<<image.PageShift | pointer
			if t.Mode == image.PAE && l == 3 {
				e = t.Next<<image.PageShift | Present
			}
			t.Frame(t.Next)
			t.Next++
			t.Set(table, slot, e)
		}
		table = e &^ NX &^ 0xfff
	}
	return table, t.slot(va, level)
}

// Map maps an address by an entry of a level.
func (t *Tables) Map(va, pa uint64, level int, flags uint64) {
	table, slot := t.Place(va, level)
	if level > 1 {
		flags |= Large
	}
	t.Set(table, slot, pa|flags|Present)
}

// MapRange maps pages of 4096 bytes.
func (t *Tables) MapRange(va, pa, pages uint64, flags uint64) {
	for i := range pages {
		t.Map(va+i<<image.PageShift, pa+i<<image.PageShift, 1, flags)
	}
}
