package explore

import "unsafe"

const (
	hugePage    = 2 << 20
	recordBytes = int(unsafe.Sizeof(record{}))
	// hugeFrom is how much a run must already have before it asks for huge pages: a small one is done
	// sooner than a huge page is cleared.
	hugeFrom = 8 << 20
)

// memory hands out the big blocks of a run, outside the heap where the platform allows it, and keeps the
// account. It is used by one goroutine.
type memory struct {
	now, peak uint64
	maps      []mapping
}

// mapping is a block as it came from the platform, and what was handed out of it.
type mapping struct {
	raw  []byte
	used *byte
}

// bytes returns n zero bytes, n > 0.
func (m *memory) bytes(n int) []byte {
	m.now += uint64(n)
	m.peak = max(m.peak, m.now)
	b, raw := mapBlock(n, m.now >= hugeFrom)
	if raw != nil {
		m.maps = append(m.maps, mapping{raw, &b[0]})
	}
	return b
}

// free gives back what bytes returned.
func (m *memory) free(b []byte) {
	m.now -= uint64(len(b))
	for i, x := range m.maps {
		if x.used == &b[0] {
			unmapBlock(x.raw)
			last := len(m.maps) - 1
			m.maps[i] = m.maps[last]
			m.maps = m.maps[:last]
			return
		}
	}
}

// slots returns n zero words.
func (m *memory) slots(n uint64) []uint64 {
	b := m.bytes(int(n) * 8)
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), n)
}

// freeSlots gives back what slots returned.
func (m *memory) freeSlots(s []uint64) {
	m.free(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*8))
}

// records returns n zero records.
func (m *memory) records(n int) []record {
	b := m.bytes(n * recordBytes)
	return unsafe.Slice((*record)(unsafe.Pointer(&b[0])), n)
}

// freeRecords gives back what records returned.
func (m *memory) freeRecords(r []record) {
	m.free(unsafe.Slice((*byte)(unsafe.Pointer(&r[0])), len(r)*recordBytes))
}

// close gives everything back. Nothing that was handed out may be touched after it.
func (m *memory) close() {
	for _, x := range m.maps {
		unmapBlock(x.raw)
	}
	m.maps = nil
}
