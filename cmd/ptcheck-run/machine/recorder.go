package machine

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
)

// table is a frame that is in use as a table.
type table struct {
	level   int
	root    bool
	refs    int
	windows [4]uint32 // which 32 bytes of the frame count: PAE roots are parts of a frame
	copy    [512]uint64
}

// recorder keeps what the tables must hold by all stores so far, and writes the recording.
type recorder struct {
	p      *pass
	mode   int
	tables map[uint64]*table
	out    bytes.Buffer
	b      []byte
	events int
	totals Totals
	// Stores to frames that are no tables yet stay in the recording if the frame becomes one
	// later: early are those lines, adopted is when a frame last became a table.
	early   []earlyLine
	adopted map[uint64]int
	decoded map[uint64]decoded
	// While the runner carries out a rep stos itself, filling is the address that the next store
	// goes to, 0 otherwise.
	filling uint64
}

// earlyLine is a line of a store to a frame that was no table.
type earlyLine struct {
	frame      uint64
	start, end int
	event      int
	unplaced   bool
}

func newRecorder(p *pass) *recorder {
	return &recorder{p: p, tables: map[uint64]*table{}, adopted: map[uint64]int{}, decoded: map[uint64]decoded{}}
}

func (r *recorder) line(kind byte) { r.b = append(r.b[:0], kind) }

func (r *recorder) hex(list ...uint64) {
	for _, v := range list {
		r.b = strconv.AppendUint(append(r.b, ' '), v, 16)
	}
}

func (r *recorder) dec(list ...int) {
	for _, v := range list {
		r.b = strconv.AppendInt(append(r.b, ' '), int64(v), 10)
	}
}

func (r *recorder) word(s string) { r.b = append(append(r.b, ' '), s...) }

func (r *recorder) write() {
	r.events++
	r.b = append(r.b, '\n')
	r.out.Write(r.b)
}

// control notes control registers that have new values.
func (r *recorder) control(rip uint64, reg int, before control) {
	c := &r.p.ctl
	r.totals.Controls++
	r.line('C')
	r.hex(rip)
	r.dec(reg)
	r.hex(c.cr3, c.cr0, c.cr4, c.efer)
	if *c == before {
		r.word("same")
	}
	r.write()
	if c.levels() == 0 {
		return
	}
	if m := c.levels(); m != r.mode {
		r.mode = m
		clear(r.tables)
		r.line('M')
		r.dec(m)
		r.write()
	}
	pa, size := c.root()
	r.adopt(pa/pageSize, r.mode, true, int(pa%pageSize), size)
}

func (r *recorder) invlpg(rip, va uint64, known bool) {
	r.totals.Flushes++
	r.line('I')
	r.hex(rip, va)
	if !known {
		r.word("?")
	}
	r.write()
}

func (r *recorder) invpcid(rip uint64) {
	r.totals.Flushes++
	r.line('P')
	r.hex(rip)
	r.write()
}

// entrySize is the size of entries in force, or that will be.
func (r *recorder) entrySize() int {
	if r.mode != 0 {
		return entrySize(r.mode)
	}
	if r.p.e.Bits == 64 || r.p.ctl.cr4&extension != 0 || r.p.wide {
		return 8
	}
	return 4
}

func (t *table) in(slot, es int) bool {
	w := slot * es / 32
	return t.windows[w>>5]>>(w&31)&1 != 0
}

// link is the frame of the table that an entry of a table of a level refers to.
func (r *recorder) link(level int, e uint64) (frame uint64, ok bool) {
	return e & address / pageSize, e&present != 0 && !r.p.ctl.isLeaf(e, level)
}

// adopt takes a frame as a table, or a further part of it as a root.
func (r *recorder) adopt(frame uint64, level int, root bool, offset, size int) {
	b := r.p.mem.at(frame*pageSize, pageSize)
	if b == nil {
		return // a table where no memory is: the entry that links it says so
	}
	r.adopted[frame] = r.events
	if !r.p.frames[frame] {
		r.p.missed = append(r.p.missed, frame)
	}
	t := r.tables[frame]
	if t != nil && t.level != level {
		r.line('L')
		r.hex(frame)
		r.dec(t.level, level)
		r.write()
		t.root = t.root || root
		return
	}
	if t == nil {
		t = &table{level: level}
		r.tables[frame] = t
		r.totals.Frames++
	}
	t.root = t.root || root
	before := t.windows
	for w := offset / 32; w < (offset+size)/32; w++ {
		t.windows[w>>5] |= 1 << (w & 31)
	}
	if t.windows == before {
		return
	}
	old := &table{windows: before}
	es := entrySize(r.mode)
	for i := range pageSize / es {
		if t.in(i, es) && !old.in(i, es) {
			t.copy[i*es/8] = r.memoryWord(frame, i, es, t.copy[i*es/8])
		}
	}
	r.line('T')
	r.dec(level)
	r.hex(frame)
	if root {
		r.word("root")
	}
	r.hex(uint64(offset))
	r.write()
	r.runs(t, es)
	for i := range pageSize / es {
		if child, ok := r.link(level, t.entry(i, es)); ok && t.in(i, es) && !old.in(i, es) {
			r.refer(frame, child, level-1)
		}
	}
}

// memoryWord is the 8 bytes of the copy that hold a slot, with the slot as it is in memory.
func (r *recorder) memoryWord(frame uint64, slot, es int, word uint64) uint64 {
	v, _ := r.p.mem.word(frame*pageSize+uint64(slot*es), es)
	return replace(word, v, slot, es)
}

// replace is a word of the copy with one slot replaced.
func replace(word, v uint64, slot, es int) uint64 {
	if es == 8 {
		return v
	}
	shift := uint(slot&1) * 32
	return word&^(0xffffffff<<shift) | (v&0xffffffff)<<shift
}

// entry is a slot of the copy.
func (t *table) entry(slot, es int) uint64 {
	if es == 8 {
		return t.copy[slot]
	}
	return t.copy[slot/2] >> (uint(slot&1) * 32) & 0xffffffff
}

// runs writes what a table holds.
func (r *recorder) runs(t *table, es int) {
	n := pageSize / es
	length := func(i int, stride uint64) int {
		j := i + 1
		for j < n && t.in(j, es) && t.entry(j, es) == t.entry(i, es)+uint64(j-i)*stride {
			j++
		}
		return j - i
	}
	for i := 0; i < n; {
		if t.entry(i, es) == 0 || !t.in(i, es) {
			i++
			continue
		}
		kind, k := byte('e'), length(i, 0x1000)
		if m := length(i, 0x200000); m > k && m > 2 {
			kind, k = 'm', m
		}
		r.line(kind)
		r.hex(uint64(i), uint64(k), t.entry(i, es))
		r.write()
		i += k
	}
}

// refer counts a reference to a table.
func (r *recorder) refer(from, frame uint64, level int) {
	if frame == from {
		return
	}
	r.adopt(frame, level, false, 0, pageSize)
	if t := r.tables[frame]; t != nil {
		t.refs++
	}
}

// unrefer takes a reference back.
func (r *recorder) unrefer(frame uint64) {
	t := r.tables[frame]
	if t == nil {
		return
	}
	t.refs = max(t.refs-1, 0)
	if t.refs > 0 || t.root {
		return
	}
	r.line('R')
	r.hex(frame)
	r.dec(t.level)
	r.write()
	delete(r.tables, frame)
	es := entrySize(r.mode)
	for i := range pageSize / es {
		if child, ok := r.link(t.level, t.entry(i, es)); ok && t.in(i, es) && child != frame {
			r.unrefer(child)
		}
	}
}

// store notes a store to a frame that is or becomes a table. Memory does not have it yet.
func (r *recorder) store(pa uint64, size int, value uint64) {
	frame, es := pa/pageSize, r.entrySize()
	offset := int(pa % pageSize)
	t := r.tables[frame]
	for slot := offset / es; slot < pageSize/es && slot*es < offset+size; slot++ {
		var was uint64
		level := 0
		if t != nil && t.in(slot, es) {
			level, was = t.level, t.entry(slot, es)
		} else if was, _ = r.p.mem.word(frame*pageSize+uint64(slot*es), es); t != nil {
			continue // beside the roots of a frame
		}
		now := merge(was, value, slot*es-offset, es, size)
		r.stored(frame, slot, level, was, now, size, pa)
		if level != 0 {
			t.copy[slot*es/8] = replace(t.copy[slot*es/8], now, slot, es)
			r.relink(frame, level, was, now)
		}
	}
}

// merge is an entry with the bytes of a store put in; at is where the entry begins, counted
// from the first byte that is stored.
func merge(was, value uint64, at, es, size int) uint64 {
	for i := range es {
		if k := at + i; k >= 0 && k < size {
			was = was&^(0xff<<(8*i)) | (value>>(8*k)&0xff)<<(8*i)
		}
	}
	return was
}

func (r *recorder) relink(frame uint64, level int, was, now uint64) {
	old, had := r.link(level, was)
	child, has := r.link(level, now)
	if had && has && old == child {
		return
	}
	if has {
		r.refer(frame, child, level-1)
	}
	if had && old != frame {
		r.unrefer(old)
	}
}

// stored writes the line of a store.
func (r *recorder) stored(frame uint64, slot, level int, was, now uint64, size int, pa uint64) {
	if level == 0 && was == now {
		return // a frame that is no table yet is none for that
	}
	g := r.p.e.General()
	rip, va, ok := r.place(r.p.e.PC(), pa, g)
	r.line('S')
	r.hex(rip, frame, uint64(slot), was, now)
	r.dec(size, level)
	r.hex(va)
	r.callers(rip, g)
	start := r.out.Len()
	r.write()
	if level == 0 {
		r.early = append(r.early, earlyLine{frame, start, r.out.Len(), r.events, !ok})
		return
	}
	r.count(!ok)
}

// count counts a line of a store that stays in the recording.
func (r *recorder) count(unplaced bool) {
	r.totals.Stores++
	if unplaced {
		r.totals.Unplaced++
	}
}

// callers writes words of the stack that look like return addresses.
func (r *recorder) callers(rip uint64, g *[16]uint64) {
	const words, most = 16, 3
	size, sp := 4, g[4]
	if r.p.e.Bits == 64 {
		size = 8
	}
	pa, _, ok := r.p.mem.walk(&r.p.ctl, sp)
	if !ok {
		return
	}
	found := 0
	for i := 0; i < words && found < most && int(pa%pageSize)+(i+1)*size <= pageSize; i++ {
		v, _ := r.p.mem.word(pa+uint64(i*size), size)
		if t := r.p.c.Text; v < t.Start || v >= t.End || v == rip {
			continue
		}
		sep := ","
		if found == 0 {
			sep = " @"
		}
		r.b = strconv.AppendUint(append(r.b, sep...), v, 16)
		found++
	}
}

const accessedDirty = 0x60

// check holds the copies against memory.
func (r *recorder) check(total *Totals) {
	r.totals.Checks++
	es := entrySize(r.mode)
	for _, frame := range slices.Sorted(maps.Keys(r.tables)) {
		t := r.tables[frame]
		for i := range pageSize / es {
			v, _ := r.p.mem.word(frame*pageSize+uint64(i*es), es)
			was := t.entry(i, es)
			switch {
			case !t.in(i, es) || v == was:
			case (v^was)&^accessedDirty == 0:
				r.totals.Accessed++
			default:
				r.totals.Differences++
				r.line('?')
				r.word("end")
				r.hex(frame, uint64(i), was, v)
				r.write()
			}
		}
	}
	r.totals.Exceptions, r.totals.Nowhere = total.Exceptions, total.Nowhere
}

// finish returns the recording from its first event to its totals.
func (r *recorder) finish(total *Totals) []byte {
	raw := r.out.Bytes()
	out := make([]byte, 0, len(raw)+200)
	at := 0
	for _, l := range r.early {
		if last, ok := r.adopted[l.frame]; ok && last >= l.event {
			r.count(l.unplaced)
			continue
		}
		out = append(out, raw[at:l.start]...)
		at = l.end
	}
	out = append(out, raw[at:]...)
	out = append(append(append(out, "# end "...), r.totals.String()...), '\n')
	*total = r.totals
	return out
}
