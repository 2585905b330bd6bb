package states

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// Batch collects successors that go to one shard. Parents must come in order of their labels,
// and their calls in order: then of two ways to the same state the first is the lesser.
type Batch struct {
	bytes   []byte // states, one behind another
	parents [][]byte
	recs    []record
}

// record is a successor.
type record struct {
	at, n  uint32 // of its state in bytes
	parent uint32
	place  uint32
}

// Add takes up the successor that a call leads to. The batch keeps parent, not state.
func (b *Batch) Add(parent []byte, place int, state []byte) {
	if n := len(b.parents); n == 0 || !bytes.Equal(b.parents[n-1], parent) {
		b.parents = append(b.parents, bytes.Clone(parent))
	}
	b.recs = append(b.recs, record{uint32(len(b.bytes)), uint32(len(state)), uint32(len(b.parents) - 1), uint32(place)})
	b.bytes = append(b.bytes, state...)
}

// Size is about how many bytes of memory the batch takes.
func (b *Batch) Size() int { return len(b.bytes) + 16*len(b.recs) }

// Len is the number of successors in it.
func (b *Batch) Len() int { return len(b.recs) }

func (b *Batch) state(r *record) []byte { return b.bytes[r.at : r.at+r.n] }

// Pack returns the batch in bytes, and how many states are in it: each once, in order of the
// states. It empties the batch.
// First come the labels of the parents, of each what differs from the one before, then the
// states in the same way, each with the number of its parent and the place of the call.
func (b *Batch) Pack() (packed []byte, n int) {
	slices.SortFunc(b.recs, func(x, y record) int {
		return cmp.Or(bytes.Compare(b.state(&x), b.state(&y)), cmp.Compare(x.parent, y.parent), cmp.Compare(x.place, y.place))
	})
	b.recs = slices.CompactFunc(b.recs, func(x, y record) bool { return bytes.Equal(b.state(&x), b.state(&y)) })
	var last []byte
	out := binary.AppendUvarint(nil, uint64(len(b.parents)))
	for _, p := range b.parents {
		out, last = appendShared(out, last, p)
	}
	out, last = binary.AppendUvarint(out, uint64(len(b.recs))), last[:0]
	for i := range b.recs {
		r := &b.recs[i]
		out, last = appendShared(out, last, b.state(r))
		out = binary.AppendUvarint(out, uint64(r.parent))
		out = binary.AppendUvarint(out, uint64(r.place))
	}
	n = len(b.recs)
	b.bytes, b.parents, b.recs = b.bytes[:0], b.parents[:0], b.recs[:0]
	return out, n
}

// packed reads a batch.
type packed struct {
	r       *bytes.Reader
	parents [][]byte
	left    uint64
	now     Entry
}

// Unpack gives the entries of a packed batch, in order of the states.
func Unpack(batch []byte) (Source, error) {
	p := &packed{r: bytes.NewReader(batch)}
	n, err := binary.ReadUvarint(p.r)
	if err != nil {
		return nil, cut(err)
	}
	var last []byte
	for ; n > 0; n-- {
		if last, err = readShared(p.r, last); err != nil {
			return nil, err
		}
		p.parents = append(p.parents, bytes.Clone(last))
	}
	if p.left, err = binary.ReadUvarint(p.r); err != nil {
		return nil, cut(err)
	}
	return p, nil
}

// Next implements Source.
func (p *packed) Next() (Entry, bool, error) {
	if p.left == 0 {
		return Entry{}, false, nil
	}
	p.left--
	var err error
	if p.now.State, err = readShared(p.r, p.now.State); err != nil {
		return Entry{}, false, err
	}
	parent, err := binary.ReadUvarint(p.r)
	place, err2 := binary.ReadUvarint(p.r)
	if err != nil || err2 != nil || parent >= uint64(len(p.parents)) {
		return Entry{}, false, errCut
	}
	p.now.Label = AppendPlace(append(p.now.Label[:0], p.parents[parent]...), place)
	return p.now, true, nil
}
