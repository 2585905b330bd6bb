package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
)

// Bounds on what is believed of an ELF core.
const (
	mostNotes    = 16 << 20 // bytes of notes: those of some thousands of processors
	manySegments = 0xffff   // PN_XNUM: the number is elsewhere
	mostPhysical = 1 << 52  // no physical address is higher: Intel SDM vol. 3, section 4.1.4
)

// segment is a piece of physical memory in an ELF core; all numbers are bytes.
type segment struct {
	start, size uint64 // physical
	stored      uint64 // of size: in the file
	offset      uint64 // in the file
}

// elfMemory is the memory of an ELF core, ascending by start.
type elfMemory struct {
	r        io.ReaderAt
	segments []segment
}

// readELF reads the headers and notes of an ELF core.
func (m *Image) readELF(r io.ReaderAt, size int64) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return fmt.Errorf("a damaged ELF file: %w", err)
	}
	switch {
	case f.Type != elf.ET_CORE:
		return errors.New("an ELF file, but no core: a program or library has no page tables in it")
	case f.Machine != elf.EM_X86_64 && f.Machine != elf.EM_386 || f.Data != elf.ELFDATA2LSB:
		return fmt.Errorf("an ELF core of a machine that is not x86 (%s)", f.Machine)
	case len(f.Progs) >= manySegments:
		return fmt.Errorf("more than %d segments", manySegments-1)
	}
	m.Form, m.Long = "ELF vmcore", f.Machine == elf.EM_X86_64
	mem := &elfMemory{r: r}
	for i, p := range f.Progs {
		switch p.Type {
		case elf.PT_NOTE:
			if err := m.readNotes(r, p.Off, p.Filesz); err != nil {
				return err
			}
		case elf.PT_LOAD:
			if err := mem.add(p, uint64(size)); err != nil {
				return fmt.Errorf("segment %d: %w", i, err)
			}
		}
	}
	if len(m.CPUs) > 0 {
		m.Form, m.Whole = "QEMU ELF dump", true
	}
	slices.SortStableFunc(mem.segments, func(a, b segment) int {
		if a.start < b.start {
			return -1
		}
		if a.start > b.start {
			return 1
		}
		return 0
	})
	m.mem = mem
	return mem.check(m)
}

// add takes a segment that holds physical memory. Segments of /proc/kcore that hold
// something else, such as vmalloc space, have no physical address.
func (e *elfMemory) add(p *elf.Prog, size uint64) error {
	switch {
	case p.Paddr == 1<<64-1 || p.Paddr == 1<<32-1 || p.Memsz == 0:
		return nil
	case p.Paddr >= mostPhysical || p.Memsz > mostPhysical:
		return fmt.Errorf("%#x bytes at physical address %#x: no x86 machine has that", p.Memsz, p.Paddr)
	case p.Filesz > p.Memsz:
		return fmt.Errorf("%#x bytes in the file for %#x bytes of memory", p.Filesz, p.Memsz)
	case p.Filesz > size || p.Off > size-p.Filesz:
		return fmt.Errorf("the file is truncated: %d bytes, and the segment ends at %d", size, p.Off+p.Filesz)
	}
	e.segments = append(e.segments, segment{p.Paddr, p.Memsz, p.Filesz, p.Off})
	return nil
}

// check refuses cores whose segments do not say which physical memory they hold.
func (e *elfMemory) check(m *Image) error {
	if len(e.segments) == 0 {
		return errors.New("no segment holds physical memory")
	}
	if n := len(e.segments); n > 1 && e.segments[n-1].start == 0 {
		return fmt.Errorf("all %d segments are at physical address 0: kernels before 4.19 do not say in /proc/kcore which memory is where", n)
	}
	return nil
}

// page implements memory. A frame of which a segment has only a part is zero elsewhere.
func (e *elfMemory) page(frame uint64, dst *Page) (Presence, error) {
	if frame >= mostPhysical>>PageShift {
		return Absent, nil
	}
	pa := frame << PageShift
	// Segments may overlap: the last one that begins before the frame's end need not be it.
	i := sort.Search(len(e.segments), func(i int) bool { return e.segments[i].start >= pa+PageSize })
	best := Absent
	for k := i - 1; k >= 0 && k >= i-mostOverlap; k-- {
		s := &e.segments[k]
		if pa+PageSize > s.start && pa < s.start+s.size {
			best = Excluded
			if pa < s.start+s.stored {
				return Stored, e.copy(s, pa, dst)
			}
		}
	}
	return best, nil
}

// mostOverlap is how many segments are looked at for one that has a frame: /proc/kcore
// has the kernel's text twice, and nothing three times.
const mostOverlap = 4

func (e *elfMemory) copy(s *segment, pa uint64, dst *Page) error {
	if dst == nil {
		return nil
	}
	clear(dst[:])
	from, to := max(pa, s.start), min(pa+PageSize, s.start+s.stored)
	_, err := e.r.ReadAt(dst[from-pa:to-pa], int64(s.offset+from-s.start))
	return err
}

// ranges implements memory.
func (e *elfMemory) ranges() []Range {
	var out []Range
	for i := range e.segments {
		s := &e.segments[i]
		first := s.start >> PageShift
		last := (s.start + s.size - 1) >> PageShift
		out = append(out, Range{first, last - first + 1})
	}
	return out
}
