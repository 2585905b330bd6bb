package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"
)

// Image is a kernel: what lies in memory before it begins, and its code. It is made once and
// run many times; every run sees it unchanged.
type Image struct {
	Bits     int // of the processor at the kernel's entry: 32 or 64
	segments []segment
	file     int // an anonymous file that holds the segments
	size     int64
	code     []code
	sites    []uint64        // addresses of instructions to be watched, ascending
	hot      map[uint64]bool // of sites: was come to
	// Frames of the kernel's own memory that became tables in earlier runs. Telling a pass of
	// them saves a pass where the first does not see them, and changes no recording.
	known    map[uint64]bool
	kept     *start // a machine that has got some way, for cases that begin alike
	litterFD int
	word     uint64
}

// segment is a part of the image, in whole pages of the image's file.
type segment struct {
	pa, size uint64
	offset   int64
}

// code is executable memory: where it lies and under which address it runs.
type code struct {
	va    uint64
	bytes []byte
}

// NewImage makes an image without contents.
func NewImage(bits int) (*Image, error) {
	if bits != 32 && bits != 64 {
		return nil, fmt.Errorf("machine: a kernel of %d bits: want 32 or 64", bits)
	}
	fd, err := memfd("kernel")
	if err != nil {
		return nil, err
	}
	return &Image{Bits: bits, file: fd, hot: map[uint64]bool{}, known: map[uint64]bool{}, litterFD: -1}, nil
}

// Close frees the image.
func (g *Image) Close() {
	syscall.Close(g.file)
	if g.kept != nil {
		g.kept.close()
	}
	if g.litterFD >= 0 {
		syscall.Close(g.litterFD)
	}
}

// memfd makes an anonymous file in memory.
func memfd(name string) (int, error) {
	b := append([]byte(name), 0)
	const sysMemfdCreate, cloexec = 319, 1 // of amd64
	fd, _, e := syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(&b[0])), cloexec, 0)
	if e != 0 {
		return 0, fmt.Errorf("machine: no file in memory: %w", e)
	}
	return int(fd), nil
}

// Load adds bytes that lie at a physical address.
func (g *Image) Load(pa uint64, b []byte) error {
	if len(b) == 0 {
		return errors.New("machine: an empty segment")
	}
	start := pa &^ (pageSize - 1)
	size := (pa + uint64(len(b)) - start + pageSize - 1) &^ (pageSize - 1)
	for _, s := range g.segments {
		if start < s.pa+s.size && s.pa < start+size {
			return fmt.Errorf("machine: two segments share the page at %x", max(start, s.pa))
		}
	}
	if err := syscall.Ftruncate(g.file, g.size+int64(size)); err != nil {
		return fmt.Errorf("machine: no room for the kernel: %w", err)
	}
	for off := g.size + int64(pa-start); len(b) > 0; {
		n, err := syscall.Pwrite(g.file, b, off)
		if err != nil {
			return fmt.Errorf("machine: no room for the kernel: %w", err)
		}
		b, off = b[n:], off+int64(n)
	}
	g.segments = append(g.segments, segment{start, size, g.size})
	g.size += int64(size)
	return nil
}

// Code says that n bytes at a physical address are code that runs at a virtual address, which
// is the physical one if it runs before paging.
func (g *Image) Code(va, pa uint64, n int) error {
	for _, s := range g.segments {
		if pa < s.pa || pa+uint64(n) > s.pa+s.size {
			continue
		}
		b := make([]byte, n)
		if _, err := syscall.Pread(g.file, b, s.offset+int64(pa-s.pa)); err != nil {
			return fmt.Errorf("machine: the code at %x cannot be read: %w", pa, err)
		}
		g.code = append(g.code, code{va, b})
		g.sites = append(g.sites, scan(va, b, g.Bits)...)
		slices.Sort(g.sites)
		g.sites = slices.Compact(g.sites)
		return nil
	}
	return fmt.Errorf("machine: no segment holds the code at %x", pa)
}

// learn remembers tables in the kernel's own memory, up to a little behind its file.
func (g *Image) learn(frames []uint64) {
	const behind = 32 << 20
	for _, f := range frames {
		for _, s := range g.segments {
			if pa := f * pageSize; pa >= s.pa && pa < s.pa+s.size+behind {
				g.known[f] = true
			}
		}
	}
}

// litterFile is a file full of a word.
func (g *Image) litterFile(word uint64) (int, error) {
	if g.litterFD >= 0 && g.word == word {
		return g.litterFD, nil
	}
	if g.litterFD < 0 {
		fd, err := memfd("litter")
		if err != nil {
			return 0, err
		}
		g.litterFD = fd
	}
	b := make([]byte, litterPiece)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], word)
	}
	if _, err := syscall.Pwrite(g.litterFD, b, 0); err != nil {
		return 0, fmt.Errorf("machine: no room for litter: %w", err)
	}
	g.word = word
	return g.litterFD, nil
}
