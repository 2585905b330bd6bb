package states

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Entry is a state with its label. Without a label it is only known.
type Entry struct {
	State, Label []byte
}

// Clone is a copy that nothing else holds.
func (e Entry) Clone() Entry { return Entry{bytes.Clone(e.State), bytes.Clone(e.Label)} }

// Source gives entries one after another.
type Source interface {
	// Next returns the next entry, valid until it is called again. At the end it says false,
	// and again each time; an error ends it too.
	Next() (e Entry, ok bool, err error)
}

// errCut is what is wrong with packed entries that end too early or make no sense.
var errCut = errors.New("states: the packed states are damaged")

// packer appends entries, of each field only what differs from that of the one before.
type packer struct {
	out  []byte
	last Entry
}

func (p *packer) add(e Entry) {
	p.out, p.last.State = appendShared(p.out, p.last.State, e.State)
	p.out, p.last.Label = appendShared(p.out, p.last.Label, e.Label)
}

// appendShared appends what to itself is written after last, and returns last made the same.
func appendShared(out, last, b []byte) (packed, now []byte) {
	n := shared(last, b)
	out = binary.AppendUvarint(out, uint64(n))
	out = binary.AppendUvarint(out, uint64(len(b)-n))
	return append(out, b[n:]...), append(last[:n], b[n:]...)
}

// shared is how many bytes two slices begin with alike.
func shared(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// byteReader is where packed entries come from.
type byteReader interface {
	ReadByte() (byte, error)
	Read([]byte) (int, error)
}

// maxField bounds the length of a field, lest damage ask for all memory.
const maxField = 1 << 24

// readShared reads what appendShared has written, into last.
func readShared(r byteReader, last []byte) ([]byte, error) {
	keep, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, cut(err)
	}
	more, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, cut(err)
	}
	if keep > uint64(len(last)) || more > maxField {
		return nil, errCut
	}
	n := int(keep + more)
	if cap(last) < n {
		last = append(make([]byte, 0, 2*n), last[:keep]...)
	}
	last = last[:n]
	for at := int(keep); at < n; {
		k, err := r.Read(last[at:])
		if at += k; err != nil && at < n {
			return nil, cut(err)
		}
	}
	return last, nil
}

// cut says of an early end that it is damage, and leaves other errors as they are.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return fmt.Errorf("states: %w", err)
}

// unpacker reads so many entries.
type unpacker struct {
	r    byteReader
	left uint64
	now  Entry
}

// Next implements Source.
func (u *unpacker) Next() (Entry, bool, error) {
	if u.left == 0 {
		return Entry{}, false, nil
	}
	var err error
	if u.now.State, err = readShared(u.r, u.now.State); err == nil {
		u.now.Label, err = readShared(u.r, u.now.Label)
	}
	if err != nil {
		u.left = 0
		return Entry{}, false, err
	}
	u.left--
	return u.now, true, nil
}
