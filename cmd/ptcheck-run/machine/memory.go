package machine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"unsafe"
)

const pageSize = 4096

// region is physical memory that is there.
type region struct {
	base uint64
	mem  []byte
}

// memory is a machine's physical memory. It is taken from the system when it is written to.
type memory struct{ regions []region }

// at is the memory from an address on, up to the end of its region; nil if fewer than n bytes
// are there.
func (m *memory) at(pa uint64, n int) []byte {
	for i := range m.regions {
		r := &m.regions[i]
		if off := pa - r.base; off < uint64(len(r.mem)) && off+uint64(n) <= uint64(len(r.mem)) {
			return r.mem[off:]
		}
	}
	return nil
}

// word reads an entry of 4 or 8 bytes; ok is false where no memory is.
func (m *memory) word(pa uint64, size int) (v uint64, ok bool) {
	b := m.at(pa, size)
	switch {
	case b == nil:
		return 0, false
	case size == 4:
		return uint64(binary.LittleEndian.Uint32(b)), true
	}
	return binary.LittleEndian.Uint64(b), true
}

// newMemory lays out memory with the image in it, or says why it cannot.
func newMemory(img *Image, c *Case) (*memory, error) {
	m, err := bareMemory(c.RAM)
	if err == nil {
		err = m.fill(img, c)
	}
	if err != nil && m != nil {
		m.free()
	}
	return m, err
}

// bareMemory is memory with nothing in it.
func bareMemory(ranges []Range) (*memory, error) {
	m := &memory{}
	for _, r := range wholePages(ranges) {
		mem, err := syscall.Mmap(-1, 0, int(r.End-r.Start), syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
		if err != nil {
			m.free()
			return nil, fmt.Errorf("machine: memory %x to %x cannot be had: %w", r.Start, r.End, err)
		}
		m.regions = append(m.regions, region{r.Start, mem})
	}
	return m, nil
}

// wholePages rounds ranges outwards to pages, sorts and joins them.
func wholePages(list []Range) (out []Range) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	for _, r := range list {
		r.Start, r.End = r.Start&^(pageSize-1), (r.End+pageSize-1)&^(pageSize-1)
		switch n := len(out); {
		case r.End <= r.Start:
		case n > 0 && r.Start <= out[n-1].End:
			out[n-1].End = max(out[n-1].End, r.End)
		default:
			out = append(out, r)
		}
	}
	return out
}

// fill puts litter, the image and the patches into memory.
func (m *memory) fill(img *Image, c *Case) error {
	if c.Litter != 0 {
		if err := m.litter(img, c.Litter); err != nil {
			return err
		}
	}
	if err := m.overlayAll(img.segments, img.file); err != nil {
		return err
	}
	for _, p := range c.Patches {
		b := m.at(p.PA, len(p.Bytes))
		if b == nil {
			return fmt.Errorf("machine: there is no memory at %x for %d bytes that must be there", p.PA, len(p.Bytes))
		}
		copy(b, p.Bytes)
	}
	return nil
}

// overlayAll maps segments of a file into memory.
func (m *memory) overlayAll(list []segment, fd int) error {
	for _, s := range list {
		if err := m.overlay(s.pa, s.size, fd, s.offset); err != nil {
			return err
		}
	}
	return nil
}

// overlay maps a part of a file into memory, copy on write. All of it is in whole pages.
func (m *memory) overlay(pa, size uint64, fd int, offset int64) error {
	b := m.at(pa, int(size))
	if b == nil {
		return fmt.Errorf("machine: the machine's memory does not hold the kernel: it needs %x to %x", pa, pa+size)
	}
	_, _, e := syscall.Syscall6(syscall.SYS_MMAP, uintptr(unsafe.Pointer(&b[0])), uintptr(size),
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_FIXED, uintptr(fd), uintptr(offset))
	if e != 0 {
		return fmt.Errorf("machine: the kernel cannot be mapped: %w", e)
	}
	return nil
}

// litterPiece is how much litter is mapped at a time, littered how much of each end of a
// region has litter: mappings are limited, and kernels take memory from the ends.
const (
	litterPiece = 2 << 20
	littered    = 128 << 20
)

// litter fills memory from 1 MiB on with a word. Firmware leaves the first MiB alone.
func (m *memory) litter(img *Image, word uint64) error {
	fd, err := img.litterFile(word)
	if err != nil {
		return err
	}
	for _, r := range m.regions {
		start, end := max(r.base, 1<<20), r.base+uint64(len(r.mem))
		for pa := start; pa < end; pa += litterPiece {
			if pa-start >= littered && end-pa > littered+litterPiece {
				continue
			}
			if err := m.overlay(pa, min(litterPiece, end-pa), fd, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// free gives the memory back.
func (m *memory) free() {
	for _, r := range m.regions {
		syscall.Munmap(r.mem)
	}
	m.regions = nil
}
