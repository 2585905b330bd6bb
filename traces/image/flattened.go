package image

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

// flatMagic begins makedumpfile's flattened form: a dump that was written to a pipe, as
// records that say where in the dump they belong. QEMU's kdump formats are written so.
const flatMagic = "makedumpfile\x00\x00\x00\x00"

// The form, all numbers big-endian (makedumpfile's IMPLEMENTATION file, and
// dump/dump.c of QEMU): magic, type 1, version 1, padded to 4096 bytes; then records of
// an offset, a size and so many bytes; offset and size -1 end it.
const (
	flatHeader  = 4096
	flatRecord  = 16
	flatEnd     = ^uint64(0)
	mostRecords = 4 << 20
)

// piece is a run of bytes of the dump that lies in one record.
type piece struct {
	to, size uint64 // in the dump
	from     uint64 // in the file
}

// flattened reads the dump that records make up. Bytes that none has are zero.
type flattened struct {
	r      io.ReaderAt
	pieces []piece // ascending, without overlaps
}

// readFlattened reads where the records lie.
func readFlattened(r io.ReaderAt, size int64) (*flattened, error) {
	var head [32]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("the file is truncated in its header: %w", err)
	}
	if kind, version := binary.BigEndian.Uint64(head[16:]), binary.BigEndian.Uint64(head[24:]); kind != 1 || version != 1 {
		return nil, fmt.Errorf("flattened form of type %d, version %d: want 1, 1", kind, version)
	}
	var records []piece
	at := uint64(flatHeader)
	for {
		var rec [flatRecord]byte
		if _, err := r.ReadAt(rec[:], int64(at)); err != nil {
			return nil, fmt.Errorf("the file is truncated: no end after %d records, at byte %d", len(records), at)
		}
		p := piece{binary.BigEndian.Uint64(rec[:]), binary.BigEndian.Uint64(rec[8:]), at + flatRecord}
		if p.to == flatEnd && p.size == flatEnd {
			return &flattened{r, settle(records)}, nil
		}
		switch left := uint64(size) - p.from; {
		case p.size == 0 || p.to > 1<<62:
			return nil, fmt.Errorf("record %d at byte %d: %d bytes at %#x of the dump: a damaged record", len(records), at, p.size, p.to)
		case p.from > uint64(size) || p.size > left:
			return nil, fmt.Errorf("the file is truncated: record %d at byte %d needs %d bytes", len(records), at, p.size)
		case len(records) == mostRecords:
			return nil, fmt.Errorf("more than %d records: makedumpfile -R makes a dump of them that can be read", mostRecords)
		}
		records = append(records, p)
		at = p.from + p.size
	}
}

// pieces by their place in the dump; of two at one place the later record first.
type byPlace []piece

func (h byPlace) Len() int { return len(h) }
func (h byPlace) Less(i, j int) bool {
	if h[i].to != h[j].to {
		return h[i].to < h[j].to
	}
	return h[i].from > h[j].from
}
func (h byPlace) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byPlace) Push(x any)   { *h = append(*h, x.(piece)) }
func (h *byPlace) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// settle sorts records and cuts them where they overlap: later ones overwrite.
func settle(records []piece) []piece {
	h := byPlace(records)
	heap.Init(&h)
	var out []piece
	for len(h) > 0 {
		p := heap.Pop(&h).(piece)
		if n := len(out); n > 0 {
			last := &out[n-1]
			end := last.to + last.size
			if p.to < end && p.from < last.from { // overwritten: what reaches beyond is left
				if rest := p.to + p.size; rest > end {
					heap.Push(&h, piece{end, rest - end, p.from + end - p.to})
				}
				continue
			}
			if p.to < end { // it overwrites: the last one is cut in two
				if rest := p.to + p.size; end > rest {
					heap.Push(&h, piece{rest, end - rest, last.from + rest - last.to})
				}
				last.size = p.to - last.to
				if last.size == 0 {
					out = out[:n-1]
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// size is where the dump ends.
func (f *flattened) size() int64 {
	if len(f.pieces) == 0 {
		return 0
	}
	last := &f.pieces[len(f.pieces)-1]
	return int64(last.to + last.size)
}

// ReadAt implements io.ReaderAt.
func (f *flattened) ReadAt(dst []byte, offset int64) (int, error) {
	at, end := uint64(offset), uint64(offset)+uint64(len(dst))
	if offset < 0 || at >= uint64(f.size()) {
		return 0, io.EOF
	}
	clear(dst)
	first := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].to+f.pieces[i].size > at })
	for i := first; i < len(f.pieces) && f.pieces[i].to < end; i++ {
		p := &f.pieces[i]
		from, to := max(p.to, at), min(p.to+p.size, end)
		if _, err := f.r.ReadAt(dst[from-at:to-at], int64(p.from+from-p.to)); err != nil {
			return 0, err
		}
	}
	if end > uint64(f.size()) {
		return int(uint64(f.size()) - at), io.EOF
	}
	return len(dst), nil
}
