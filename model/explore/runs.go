package explore

import (
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
)

// entry is a state in a file of sorted states. Files sorted by state have its hash, and compare that first;
// files of candidates have the key at which it was met.
type entry struct {
	hash, key uint64
	state     []byte
}

// layout says what entries of a file have.
type layout struct {
	hash, key bool
	size      int // of a state; 0: it varies
}

// compare compares states in the order of files that are sorted by state.
func (e *entry) compare(f *entry) int {
	if c := cmp.Compare(e.hash, f.hash); c != 0 {
		return c
	}
	return bytes.Compare(e.state, f.state)
}

// ioError is an error of the disk mode.
func ioError(err error) error { return &fileError{"disk", err} }

// sink writes entries to a file.
type sink struct {
	layout
	*spillWriter
}

// newSink makes a file.
func newSink(fs fileSystem, name string, l layout, buffer int) (*sink, error) {
	w, err := newSpill(fs, name, buffer)
	return &sink{l, w}, err
}

// put writes an entry. Errors show at finish.
func (s *sink) put(e *entry) {
	var head [8 + 8 + binary.MaxVarintLen64]byte
	h := head[:0]
	if s.hash {
		h = binary.LittleEndian.AppendUint64(h, e.hash)
	}
	if s.key {
		h = binary.LittleEndian.AppendUint64(h, e.key)
	}
	if s.size == 0 {
		h = binary.AppendUvarint(h, uint64(len(e.state)))
	}
	s.write(h)
	s.write(e.state)
	s.entries++
}

// source reads entries from a file.
type source struct {
	layout
	*spillReader
	entry entry  // the present one
	left  uint64 // entries behind it
	done  bool   // there is no entry
}

// newSource opens a file and reads its first entry.
func newSource(fs fileSystem, from *spill, l layout, buffer int) (*source, error) {
	r, err := from.open(fs, buffer)
	if err != nil {
		return nil, err
	}
	s := &source{layout: l, spillReader: r, left: from.entries}
	if err := s.next(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// next reads the next entry; its state is valid until the call after.
func (s *source) next() error {
	if s.left == 0 {
		return s.end()
	}
	at, head := 0, 0 // of the key, and of what follows it
	if s.hash {
		at, head = 8, 8
	}
	if s.key {
		head += 8
	}
	size := s.size
	if size == 0 {
		b, err := s.ahead(head + binary.MaxVarintLen64)
		if err != nil {
			return err
		}
		n, p := binary.Uvarint(b[min(head, len(b)):])
		if p <= 0 || n > maxStateLen {
			return s.short()
		}
		head, size = head+p, int(n)
	}
	b, err := s.ahead(head + size)
	if err != nil {
		return err
	}
	if len(b) < head+size {
		return s.short()
	}
	if s.hash {
		s.entry.hash = binary.LittleEndian.Uint64(b)
	}
	if s.key {
		s.entry.key = binary.LittleEndian.Uint64(b[at:])
	}
	s.entry.state = b[head : head+size]
	s.take(head + size)
	s.left--
	return nil
}

// short is the error for a file that ends before its last entry.
func (s *source) short() error {
	return ioError(damaged(s.name, "it has not all of its %d entries", s.entries))
}

// end notes the end of the file, where nothing may follow.
func (s *source) end() error {
	b, err := s.ahead(1)
	if err == nil && len(b) > 0 {
		err = ioError(damaged(s.name, "it has more than its %d entries", s.entries))
	}
	s.done = err == nil
	return err
}

// merger reads several sorted files as one.
type merger struct {
	sources []*source // a heap of those that are not at their end
	byKey   bool
	taken   entry // see candidate
}

// newMerger opens sorted files; byKey says that they are sorted by key instead of by state.
func newMerger(fs fileSystem, from []*spill, l layout, byKey bool, buffer int) (*merger, error) {
	m := &merger{byKey: byKey}
	for _, one := range from {
		s, err := newSource(fs, one, l, min(1<<20, max(2*spillBlock, buffer/len(from))))
		if err != nil {
			m.close()
			return nil, err
		}
		if s.done {
			s.close()
			continue
		}
		m.sources = append(m.sources, s)
	}
	heap.Init(m)
	return m, nil
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (m *merger) Len() int { return len(m.sources) }

// Less is part of heap.Interface.
func (m *merger) Less(i, j int) bool {
	a, b := &m.sources[i].entry, &m.sources[j].entry
	if m.byKey {
		return a.key < b.key
	}
	return a.compare(b) < 0
}

// Swap is part of heap.Interface.
func (m *merger) Swap(i, j int) { m.sources[i], m.sources[j] = m.sources[j], m.sources[i] }

// Push is part of heap.Interface; nothing is ever pushed.
func (m *merger) Push(any) {}

// Pop is part of heap.Interface.
func (m *merger) Pop() any {
	last := len(m.sources) - 1
	m.sources[last].close()
	m.sources = m.sources[:last]
	return nil
}

// head returns the least entry, or nil at the end of all files.
func (m *merger) head() *entry {
	if len(m.sources) == 0 {
		return nil
	}
	return &m.sources[0].entry
}

// next goes on to the next entry.
func (m *merger) next() error {
	if err := m.sources[0].next(); err != nil {
		return err
	}
	if m.sources[0].done {
		heap.Pop(m)
	} else {
		heap.Fix(m, 0)
	}
	return nil
}

// candidate takes the next state with the least of the keys at which it was met. It is valid until the next
// call.
func (m *merger) candidate() (*entry, error) {
	h := m.head()
	m.taken.hash, m.taken.key = h.hash, h.key
	m.taken.state = append(m.taken.state[:0], h.state...)
	for {
		if err := m.next(); err != nil {
			return nil, err
		}
		h := m.head()
		if h == nil || h.compare(&m.taken) != 0 {
			return &m.taken, nil
		}
		m.taken.key = min(m.taken.key, h.key)
	}
}

// close closes all files.
func (m *merger) close() {
	for _, s := range m.sources {
		s.close()
	}
	m.sources = nil
}
