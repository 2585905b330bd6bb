package emulator

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Kernel is a kernel that can be booted: its memory, its entry, its symbols.
type Kernel struct {
	Bits   int // 32 or 64
	Banner string
	SHA256 string // of its file
	Entry  uint64 // physical
	Setup  []byte // the setup header of its bzImage, from offset 1f1 on; nil: none
	Start  uint64 // physical memory that it needs, its bss and brk area included
	End    uint64

	notes    map[uint32][]byte // its ELF notes for Xen, by type
	original *Kernel           // without the change of its code; nil: this is it
	segments []segment
	offset   uint64 // virtual minus physical address of its text
	symbols  map[string]uint64
	sorted   []kernel.Symbol
}

// segment is memory that the kernel's file fills.
type segment struct {
	pa    uint64
	bytes []byte
}

// newKernel takes a kernel's ELF image apart. Symbols tell where its code lies; without those
// that say so it is refused.
func newKernel(image []byte, setup []byte, symbols []kernel.Symbol) (*Kernel, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, fmt.Errorf("it is no ELF image: %w", err)
	}
	k := &Kernel{Bits: 32, Entry: f.Entry, Setup: setup, symbols: map[string]uint64{}}
	switch {
	case f.Machine == elf.EM_X86_64:
		k.Bits = 64
	case f.Machine != elf.EM_386:
		return nil, fmt.Errorf("it is for %v, not for an x86 processor", f.Machine)
	}
	for _, s := range symbols {
		if s.Addr < k.half() {
			continue // of a processor's own data: an offset
		}
		if _, ok := k.symbols[s.Name]; !ok {
			k.symbols[s.Name] = s.Addr
		}
		k.sorted = append(k.sorted, s)
	}
	slices.SortStableFunc(k.sorted, bySymbolAddress)
	if err := k.load(f); err != nil {
		return nil, err
	}
	for _, name := range []string{"_text", "_etext", "_sinittext", "_einittext"} {
		if k.symbols[name] == 0 {
			return nil, fmt.Errorf("it has no symbol %s", name)
		}
	}
	return k, nil
}

// half is where the kernel's part of the address space begins.
func (k *Kernel) half() uint64 {
	if k.Bits == 64 {
		return 0xffffffff80000000
	}
	return 0xc0000000
}

// at are up to n bytes of the image from a virtual address on; nil if it does not reach there.
func (k *Kernel) at(va uint64, n int) []byte {
	for _, s := range k.segments {
		if off := va - k.offset - s.pa; off < uint64(len(s.bytes)) {
			return s.bytes[off:min(uint64(len(s.bytes)), off+uint64(n))]
		}
	}
	return nil
}

func bySymbolAddress(a, b kernel.Symbol) int { return cmp.Compare(a.Addr, b.Addr) }

// load takes the segments over, joined where they share pages.
func (k *Kernel) load(f *elf.File) error {
	k.Start = ^uint64(0)
	text := k.symbols["_text"]
	for _, p := range f.Progs {
		if p.Type == elf.PT_NOTE {
			if err := k.note(p); err != nil {
				return err
			}
		}
		if p.Type != elf.PT_LOAD || p.Memsz == 0 {
			continue
		}
		if p.Filesz > p.Memsz || p.Memsz > 1<<30 {
			return errors.New("one of its segments is damaged")
		}
		b := make([]byte, p.Filesz)
		if _, err := io.ReadFull(p.Open(), b); err != nil {
			return fmt.Errorf("one of its segments cannot be read: %w", err)
		}
		if text >= p.Vaddr && text < p.Vaddr+p.Memsz {
			k.offset = p.Vaddr - p.Paddr
		}
		k.Start, k.End = min(k.Start, p.Paddr), max(k.End, p.Paddr+p.Memsz)
		k.segments = append(k.segments, segment{p.Paddr, b})
	}
	if len(k.segments) == 0 {
		return errors.New("it has nothing to load")
	}
	slices.SortFunc(k.segments, func(a, b segment) int { return cmp.Compare(a.pa, b.pa) })
	joined := k.segments[:1]
	for _, s := range k.segments[1:] {
		last := &joined[len(joined)-1]
		end := last.pa + uint64(len(last.bytes))
		if s.pa < end {
			return errors.New("two of its segments overlap")
		}
		if s.pa>>12 > (end-1)>>12 {
			joined = append(joined, s)
			continue
		}
		last.bytes = append(append(last.bytes, make([]byte, s.pa-end)...), s.bytes...)
	}
	k.segments = joined
	return nil
}

// Original is the kernel without changes of its code.
func (k *Kernel) Original() *Kernel {
	if k.original == nil {
		return k
	}
	return k.original
}

// Release is the kernel's release, such as 6.1.0-50-686; empty if its banner says none.
func (k *Kernel) Release() string {
	h := kernel.Header{Pairs: []kernel.Pair{{Key: kernel.KeyBanner, Value: k.Banner}}}
	return h.Release()
}

// Symbol is the address of a symbol; ok is false if there is none.
func (k *Kernel) Symbol(name string) (addr uint64, ok bool) {
	addr, ok = k.symbols[name]
	return addr, ok
}

// Function is the symbol at or before an address, with the distance.
func (k *Kernel) Function(addr uint64) (name string, offset uint64) {
	if addr < k.offset && addr >= k.Start && addr < k.End {
		addr += k.offset // before paging
	}
	i, found := slices.BinarySearchFunc(k.sorted, addr, func(s kernel.Symbol, a uint64) int { return cmp.Compare(s.Addr, a) })
	if !found {
		i--
	}
	if i < 0 {
		return "", 0
	}
	return k.sorted[i].Name, addr - k.sorted[i].Addr
}

// send hands the kernel over to a runner.
func (k *Kernel) send(r *Runner) {
	r.line("image %d", k.Bits)
	for _, s := range k.segments {
		r.bytes("segment", s.pa, s.bytes)
	}
	for _, c := range k.code() {
		r.line("code %x %x %x", c.va, c.va-k.offset, c.n)
		if c.early > 0 {
			r.line("code %x %x %x", c.va-k.offset, c.va-k.offset, c.early)
		}
	}
}

// codeRange is code, and how much of it runs at physical addresses too.
type codeRange struct{ va, n, early uint64 }

// code is where the kernel's code lies. What runs before the kernel's own page tables is at the
// beginning of its text (.head.text); a 32-bit kernel's lies in its init text as well.
func (k *Kernel) code() []codeRange {
	const head = 0x10000
	text, init := k.symbols["_text"], k.symbols["_sinittext"]
	list := []codeRange{
		{text, k.symbols["_etext"] - text, head},
		{init, k.symbols["_einittext"] - init, 0},
	}
	if k.Bits == 32 {
		if b := k.symbols["__init_begin"]; b != 0 && b < init {
			list[1] = codeRange{b, k.symbols["_einittext"] - b, 0}
		}
		list[1].early = list[1].n
	}
	return list
}

// PanicText is what a kernel says that stopped at panic: its format, as far as it lies in the
// kernel's file.
func (k *Kernel) PanicText(res *Result) string {
	const rdi = 7
	var format uint64
	switch {
	case k.Bits == 64 && len(res.Registers) > rdi:
		format = res.Registers[rdi]
	case k.Bits == 32 && len(res.Stack) > 1:
		format = res.Stack[1]
	}
	text, _, _ := bytes.Cut(k.at(format, 200), []byte{0})
	return string(bytes.TrimSpace(bytes.TrimLeft(text, "\x01")))
}
