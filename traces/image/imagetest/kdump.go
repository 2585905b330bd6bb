package imagetest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/ptcheck/ptcheck/traces/image"
)

// Packing is how the pages of a compressed dump are packed.
type Packing uint32

// Ways to pack; their numbers are those of the form.
const (
	Raw    Packing = 0
	Zlib   Packing = 1
	LZO    Packing = 2
	Snappy Packing = 4
	Zstd   Packing = 0x20
)

// pack packs a page.
func (p Packing) pack(page *image.Page) []byte {
	var b bytes.Buffer
	switch p {
	case Zlib:
		w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
		if err != nil {
			panic(err) // the level is one
		}
		_, _ = w.Write(page[:]) // a Buffer takes everything
		_ = w.Close()
	case LZO:
		return packLZO(page[:])
	case Snappy:
		return snappy.Encode(nil, page[:])
	case Zstd:
		w, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err) // there are no options
		}
		return w.EncodeAll(page[:], nil)
	default:
		return page[:]
	}
	return b.Bytes()
}

// packLZO packs with literals alone, but for a run of zeros at the end.
func packLZO(page []byte) []byte {
	lits := len(bytes.TrimRight(page, "\x00"))
	if lits = max(lits+1, 4); len(page)-lits < 3 {
		lits = len(page)
	}
	var b []byte
	length := func(n, mask int) { // behind an instruction whose bits are 0
		for n -= mask; n > 255; n -= 255 {
			b = append(b, 0)
		}
		b = append(b, byte(n))
	}
	if n := lits - 3; n <= 15 {
		b = append(b, byte(n))
	} else {
		b = append(b, 0)
		length(n, 15)
	}
	b = append(b, page[:lits]...)
	if n := len(page) - lits - 2; n > 0 { // a match at distance 1
		if n <= 31 {
			b = append(b, byte(32|n))
		} else {
			b = append(b, 32)
			length(n, 31)
		}
		b = append(b, 0, 0)
	}
	return append(b, 0x11, 0, 0)
}

// Kdump writes memory in makedumpfile's compressed form, version 6: the machine has all
// frames, and those that are stored are in the file.
func Kdump(mem *Memory, m *Machine, how Packing) []byte {
	const block = image.PageSize
	bits := func(set func(f uint64) bool) []byte {
		out := make([]byte, (mem.Frames/8/block+1)*block)
		for f := range mem.Frames {
			if set(f) {
				out[f/8] |= 1 << (f % 8)
			}
		}
		return out
	}
	have := bits(func(uint64) bool { return true })
	stored := bits(func(f uint64) bool { return mem.Stored[f] != nil })
	notes := m.notes()
	subBlocks := 1 + (len(notes)+len(m.Info))/block + 1

	head := make([]byte, block)
	copy(head, "KDUMP   ")
	put := binary.LittleEndian.PutUint32
	put(head[8:], 6)
	machine, status := "i686", 412
	if m.Long {
		machine, status = "x86_64", 424
	}
	copy(head[12+4*65:], machine)
	for i, n := range []int{int(how), block, subBlocks, 2 * len(have) / block, int(mem.Frames)} {
		put(head[status+4*i:], uint32(n))
	}
	var b bytes.Buffer
	b.Write(head)
	sub := make([]byte, subBlocks*block)
	copy(sub, subHeader(mem, m, len(notes)))
	copy(sub[block:], notes)
	copy(sub[block+len(notes):], m.Info)
	b.Write(sub)
	b.Write(have)
	b.Write(stored)
	at := b.Len() + 24*len(mem.Stored)
	var pages bytes.Buffer
	for _, f := range mem.order() {
		packed := how.pack(mem.Stored[f])
		_ = binary.Write(&b, binary.LittleEndian, struct {
			Offset      uint64
			Size, Flags uint32
			Page        uint64
		}{uint64(at + pages.Len()), uint32(len(packed)), uint32(how), 0})
		pages.Write(packed)
	}
	b.Write(pages.Bytes())
	return b.Bytes()
}

// subHeader is the sub-header; notes and VMCOREINFO lie in the blocks behind its first.
func subHeader(mem *Memory, m *Machine, notes int) []byte {
	var b bytes.Buffer
	u32 := func(n int) { _ = binary.Write(&b, binary.LittleEndian, uint32(n)) }
	u64 := func(n int) { _ = binary.Write(&b, binary.LittleEndian, uint64(n)) }
	long := u32
	if m.Long {
		long = u64
	}
	start := 2 * image.PageSize
	long(0) // phys_base
	u32(1)  // frames of zeros were left out
	u32(0)
	long(0)
	long(0)
	u64(start + notes)
	long(len(m.Info))
	u64(start)
	long(notes)
	u64(0)
	long(0)
	u64(0)
	u64(0)
	u64(int(mem.Frames))
	return b.Bytes()
}

// Flatten writes a dump in the flattened form, in records of so many bytes, the last
// ones first; the first record is written twice, with nonsense before.
func Flatten(dump []byte, record int) []byte {
	var b bytes.Buffer
	head := make([]byte, 4096)
	copy(head, "makedumpfile")
	binary.BigEndian.PutUint64(head[16:], 1)
	binary.BigEndian.PutUint64(head[24:], 1)
	b.Write(head)
	put := func(at int, data []byte) {
		_ = binary.Write(&b, binary.BigEndian, [2]int64{int64(at), int64(len(data))})
		b.Write(data)
	}
	put(10, bytes.Repeat([]byte{0xee}, min(record, len(dump)-10)))
	for at := (len(dump) - 1) / record * record; at >= 0; at -= record {
		put(at, dump[at:min(at+record, len(dump))])
	}
	_ = binary.Write(&b, binary.BigEndian, [2]int64{-1, -1})
	return b.Bytes()
}
