package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// kdumpMagic begins makedumpfile's compressed form.
const kdumpMagic = "KDUMP   "

// Bounds on what is believed of a compressed dump.
const (
	mostFrames    = 1 << 34  // 64 TiB, 46 bits of physical address
	mostPageData  = 2 << 12  // bytes that a compressed page may have: no method makes it twice as large
	descSize      = 24       // of a page: offset, size, flags, flags of the page
	bitmapChunk   = PageSize // of a bitmap that is read at once
	chunkFrames   = 8 * bitmapChunk
	headerVersion = 6
)

// kdumpHeader is what is used of the headers (diskdump_mod.h of makedumpfile).
type kdumpHeader struct {
	version    int
	long       bool   // structures of a 64-bit machine
	machine    string // as uname has it
	subBlocks  uint64
	bitmaps    uint64 // blocks of both
	frames     uint64 // one more than the highest
	status     uint32
	level      uint32 // what was left out, by bit
	split      bool
	info, note span
}

// span is a run of bytes of the file.
type span struct{ offset, size uint64 }

// kdumpMemory is the memory of a compressed dump. A bit of the first bitmap says that
// the machine has a frame, one of the second that it is stored; the descriptors of the
// stored frames follow in order.
type kdumpMemory struct {
	r       io.ReaderAt
	frames  uint64
	have    uint64 // place of the first bitmap, in bytes
	stored  uint64 // of the second one
	descs   uint64
	rank    []uint64 // frames stored before each chunk of the second bitmap
	list    []Range
	chunk   [2]bitmapCache
	unpack  *unpacker
	zeroOut bool // frames that were zero are among those left out
}

// bitmapCache holds the chunk of a bitmap that was read last.
type bitmapCache struct {
	index uint64
	valid bool
	data  [bitmapChunk]byte
}

// readKdump reads the headers and bitmaps of a compressed dump.
func (m *Image) readKdump(r io.ReaderAt, size int64) error {
	h, err := readKdumpHeader(r)
	if err != nil {
		return err
	}
	m.Form, m.Long = "compressed kdump", h.long
	if h.machine != "" {
		m.Long = h.machine == "x86_64"
	}
	for _, s := range []struct {
		span
		read func() error
	}{
		{h.note, func() error { return m.readNotes(r, h.note.offset, h.note.size) }},
		{h.info, func() error { return m.readInfo(r, h.info) }},
	} {
		if s.size > 0 {
			if err := s.read(); err != nil {
				return err
			}
		}
	}
	if len(m.CPUs) > 0 {
		m.Form, m.Whole, m.Long = "QEMU kdump", true, m.CPUs[0].Long
	}
	mem := &kdumpMemory{r: r, frames: h.frames, have: (1 + h.subBlocks) * PageSize, unpack: newUnpacker(), zeroOut: h.level&1 != 0}
	mem.stored = mem.have + h.bitmaps/2*PageSize
	mem.descs = mem.have + h.bitmaps*PageSize
	if mem.descs > uint64(size) {
		return fmt.Errorf("the file is truncated: %d bytes, and its bitmaps end at %d", size, mem.descs)
	}
	m.mem = mem
	return mem.count(uint64(size))
}

// readInfo reads the VMCOREINFO of a compressed dump.
func (m *Image) readInfo(r io.ReaderAt, s span) error {
	if s.size > mostNotes || s.offset > unknownSize-mostNotes {
		return fmt.Errorf("%d bytes of VMCOREINFO", s.size)
	}
	text := make([]byte, s.size)
	if _, err := r.ReadAt(text, int64(s.offset)); err != nil {
		return fmt.Errorf("the file is truncated: its VMCOREINFO ends at %d: %w", s.offset+s.size, err)
	}
	m.Info = parseInfo(text)
	return nil
}

// Places in the header. Behind the names of the system lies a time, whose size differs
// between 32-bit and 64-bit machines, and so does all that follows.
const (
	kdumpVersion   = 8
	kdumpMachine   = 12 + 4*65 // of six names of 65 bytes
	kdumpMachine65 = 65
	kdumpStatus32  = 412
	kdumpStatus64  = 424
)

// What a dump's status says besides how it is compressed.
const statusIncomplete = 8

// readKdumpHeader reads and checks header and sub-header.
func readKdumpHeader(r io.ReaderAt) (*kdumpHeader, error) {
	var head, sub Page
	for i, p := range []*Page{&head, &sub} {
		if _, err := r.ReadAt(p[:], int64(i)*PageSize); err != nil {
			return nil, errors.New("the file is truncated in its headers")
		}
	}
	h := &kdumpHeader{version: int(binary.LittleEndian.Uint32(head[kdumpVersion:]))}
	h.machine, _, _ = strings.Cut(string(head[kdumpMachine:kdumpMachine+kdumpMachine65]), "\x00")
	if h.version < 1 || h.version > headerVersion {
		return nil, fmt.Errorf("compressed kdump of version %d: 1 to %d are read", h.version, headerVersion)
	}
	at, ok := h.width(&head)
	if !ok {
		return nil, errors.New("a compressed kdump whose pages are not of 4096 bytes: no x86 machine")
	}
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(head[at+4*i:])) }
	h.status, h.subBlocks, h.bitmaps, h.frames = uint32(word(0)), word(2), word(3), word(4)
	h.readSub(sub[:])
	return h, h.check()
}

// width finds out by the block size whether structures are those of a 64-bit machine,
// and where the status lies.
func (h *kdumpHeader) width(head *Page) (int, bool) {
	for _, at := range [...]int{kdumpStatus64, kdumpStatus32} {
		if binary.LittleEndian.Uint32(head[at+4:]) == PageSize {
			h.long = at == kdumpStatus64
			return at, true
		}
	}
	return 0, false
}

// readSub reads the sub-header, as far as the version has it.
func (h *kdumpHeader) readSub(sub []byte) {
	long := func() uint64 { // an unsigned long of the machine
		if h.long {
			return take(&sub, 8)
		}
		return take(&sub, 4)
	}
	long() // phys_base
	h.level = uint32(take(&sub, 4))
	split := take(&sub, 4)
	long() // of a split dump: its first frame
	long() // and its last
	h.split = h.version >= 2 && split != 0
	if h.version >= 3 {
		h.info = span{take(&sub, 8), long()}
	}
	if h.version >= 4 {
		h.note = span{take(&sub, 8), long()}
	}
	if h.version >= 6 {
		take(&sub, 8) // erased data
		long()
		take(&sub, 16) // the frames of a split dump
		h.frames = take(&sub, 8)
	}
}

// take cuts a little-endian number off; of 16 bytes it gives the first half.
func take(data *[]byte, n int) uint64 {
	d := *data
	*data = d[n:]
	if n == 4 {
		return uint64(binary.LittleEndian.Uint32(d))
	}
	return binary.LittleEndian.Uint64(d)
}

func (h *kdumpHeader) check() error {
	switch {
	case h.split:
		return errors.New("one part of a split dump: makedumpfile --reassemble puts them together")
	case h.status&statusIncomplete != 0:
		return errors.New("the dump is incomplete: makedumpfile ran out of space")
	case h.frames == 0 || h.frames > mostFrames:
		return fmt.Errorf("%d frames: want 1 to %d", h.frames, uint64(mostFrames))
	case h.bitmaps%2 != 0 || h.bitmaps/2*chunkFrames < h.frames:
		return fmt.Errorf("bitmaps of %d blocks for %d frames", h.bitmaps, h.frames)
	}
	return nil
}

// count reads both bitmaps once: it notes how many frames are stored before each chunk,
// and which memory there is.
func (k *kdumpMemory) count(size uint64) error {
	stored := uint64(0)
	for c := uint64(0); c*chunkFrames < k.frames; c++ {
		k.rank = append(k.rank, stored)
		for which := range k.chunk {
			data, err := k.bitmap(which, c)
			if err != nil {
				return err
			}
			if which == 0 {
				k.addRanges(c*chunkFrames, data)
				continue
			}
			for i := 0; i < len(data); i += 8 {
				stored += uint64(bits.OnesCount64(binary.LittleEndian.Uint64(data[i:])))
			}
		}
	}
	if end := k.descs + stored*descSize; end > size {
		return fmt.Errorf("the file is truncated: %d bytes, and the descriptors of %d frames end at %d", size, stored, end)
	}
	return nil
}

// mostRanges is how many ranges of memory are listed; makers of dumps know the memory
// map of the machine, which has some dozens.
const mostRanges = 1 << 16

// addRanges adds the runs of a chunk of the first bitmap.
func (k *kdumpMemory) addRanges(first uint64, data *[bitmapChunk]byte) {
	for i := range uint64(chunkFrames) {
		if data[i/8]>>(i%8)&1 == 0 || first+i >= k.frames {
			continue
		}
		if n := len(k.list); n > 0 && k.list[n-1].First+k.list[n-1].Count == first+i {
			k.list[n-1].Count++
		} else if n < mostRanges {
			k.list = append(k.list, Range{first + i, 1})
		}
	}
}

// bitmap reads a chunk of the first (0) or second (1) bitmap.
func (k *kdumpMemory) bitmap(which int, chunk uint64) (*[bitmapChunk]byte, error) {
	c := &k.chunk[which]
	if c.valid && c.index == chunk {
		return &c.data, nil
	}
	c.valid = false
	start := [...]uint64{k.have, k.stored}[which]
	if _, err := k.r.ReadAt(c.data[:], int64(start+chunk*bitmapChunk)); err != nil {
		return nil, fmt.Errorf("its bitmaps: %w", err)
	}
	c.index, c.valid = chunk, true
	return &c.data, nil
}

// has reports whether a bitmap has a frame's bit.
func (k *kdumpMemory) has(which int, frame uint64) (bool, error) {
	data, err := k.bitmap(which, frame/chunkFrames)
	if err != nil {
		return false, err
	}
	i := frame % chunkFrames
	return data[i/8]>>(i%8)&1 != 0, nil
}

// page implements memory.
func (k *kdumpMemory) page(frame uint64, dst *Page) (Presence, error) {
	if frame >= k.frames {
		return Absent, nil
	}
	stored, err := k.has(1, frame)
	if err != nil {
		return Absent, err
	}
	if stored {
		if dst == nil {
			return Stored, nil
		}
		return Stored, k.load(frame, dst)
	}
	there, err := k.has(0, frame)
	switch {
	case err != nil || !there:
		return Absent, err
	case k.zeroOut && dst != nil: // of the pages left out, only those that were zero can be tables
		clear(dst[:])
		return Excluded, nil
	}
	return Excluded, nil
}

// load reads the contents of a stored frame.
func (k *kdumpMemory) load(frame uint64, dst *Page) error {
	data, err := k.bitmap(1, frame/chunkFrames)
	if err != nil {
		return err
	}
	n := k.rank[frame/chunkFrames]
	in := frame % chunkFrames
	for i := uint64(0); i < in/8; i++ {
		n += uint64(bits.OnesCount8(data[i]))
	}
	n += uint64(bits.OnesCount8(data[in/8] & (1<<(in%8) - 1)))
	var desc [descSize]byte
	if _, err := k.r.ReadAt(desc[:], int64(k.descs+n*descSize)); err != nil {
		return fmt.Errorf("its descriptor: %w", err)
	}
	offset, size, flags := binary.LittleEndian.Uint64(desc[:]), binary.LittleEndian.Uint32(desc[8:]), binary.LittleEndian.Uint32(desc[12:])
	if size > mostPageData || offset > unknownSize-mostPageData {
		return fmt.Errorf("its descriptor is damaged: %d bytes at %#x", size, offset)
	}
	packed := make([]byte, size)
	if _, err := k.r.ReadAt(packed, int64(offset)); err != nil {
		return fmt.Errorf("its contents: %w", err)
	}
	return k.unpack.page(dst, packed, flags)
}

// ranges implements memory.
func (k *kdumpMemory) ranges() []Range { return k.list }
