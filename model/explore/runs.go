package explore

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
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
func ioError(err error) error { return fmt.Errorf("explore: disk: %w", err) }

// sink writes entries to a file.
type sink struct {
	layout
	f *os.File
	b *bufio.Writer
	n uint64 // entries
	// bytes is the length of the file.
	bytes uint64
}

// newSink makes a file.
func newSink(name string, l layout, buffer int) (*sink, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, ioError(err)
	}
	return &sink{layout: l, f: f, b: bufio.NewWriterSize(f, buffer)}, nil
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
	s.b.Write(h)
	s.b.Write(e.state)
	s.n++
	s.bytes += uint64(len(h) + len(e.state))
}

// finish writes out what is buffered and closes the file.
func (s *sink) finish() error {
	err := s.b.Flush()
	if e := s.f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return ioError(err)
	}
	return nil
}

// source reads entries from a file.
type source struct {
	layout
	f     *os.File
	b     *bufio.Reader
	entry entry // the present one
	done  bool  // there is none
}

// newSource opens a file and reads its first entry.
func newSource(name string, l layout, buffer int) (*source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, ioError(err)
	}
	s := &source{layout: l, f: f, b: bufio.NewReaderSize(f, buffer)}
	if err := s.next(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// next reads the next entry; its state is valid until the call after.
func (s *source) next() error {
	var head [16]byte
	h := head[:0]
	if s.hash {
		h = head[:8]
	}
	if s.key {
		h = head[:len(h)+8]
	}
	if len(h) > 0 {
		if _, err := io.ReadFull(s.b, h); err != nil {
			return s.end(err)
		}
	}
	if s.hash {
		s.entry.hash, h = binary.LittleEndian.Uint64(h), h[8:]
	}
	if s.key {
		s.entry.key = binary.LittleEndian.Uint64(h)
	}
	size := s.size
	if size == 0 {
		n, err := binary.ReadUvarint(s.b)
		if err != nil {
			return s.end(err)
		}
		size = int(n)
	}
	if cap(s.entry.state) < size {
		s.entry.state = make([]byte, size)
	}
	s.entry.state = s.entry.state[:size]
	if _, err := io.ReadFull(s.b, s.entry.state); err != nil {
		return s.end(err)
	}
	return nil
}

// end notes the end of the file; any other error is one.
func (s *source) end(err error) error {
	if errors.Is(err, io.EOF) {
		s.done = true
		return nil
	}
	return ioError(err)
}

// close closes the file.
func (s *source) close() {
	if s.f != nil {
		s.f.Close()
	}
}

// merger reads several sorted files as one.
type merger struct {
	sources []*source // a heap of those that are not at their end
	byKey   bool
	taken   entry // see candidate
}

// newMerger opens sorted files; byKey says that they are sorted by key instead of by state.
func newMerger(names []string, l layout, byKey bool, buffer int) (*merger, error) {
	m := &merger{byKey: byKey}
	for _, name := range names {
		s, err := newSource(name, l, min(1<<20, max(4096, buffer/len(names))))
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
