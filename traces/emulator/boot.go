package emulator

import (
	"encoding/binary"
	"strings"
)

// Where the loader puts what it hands to the kernel: below 640 KiB, which every machine has.
const (
	bootParams  = 0x10000
	commandLine = 0x11000
	loaderRoot  = 0x12000
	loaderEnd   = 0x1a000
	loaderStack = 0x9000
	mpTable     = 0x20 // an empty MP table is found at once; the search for one remaps 70,000 times
)

// Fields of boot_params (Documentation/x86/zero-page.rst, boot.rst).
const (
	paramsEntries = 0x1e8
	paramsSetup   = 0x1f1
	paramsLoader  = 0x210
	paramsFlags   = 0x211
	paramsCmdline = 0x228
	paramsE820    = 0x2d0
	videoMode     = 0x06
	videoColumns  = 0x07
	videoLines    = 0x0e
)

// Control registers as the kernel finds them.
const (
	cr0Protected = 0x11
	cr0Paging    = 0x80000000
	cr4PAE       = 0x20
	cr4LA57      = 0x1000
	eferLong     = 0x500 // LME, LMA

	msrMiscEnable = 0x1a0 // bit 0: fast string operations
)

// Stops are the functions at which a run ends: the first of them that the kernel has. In front
// of the first all tables of memory are there; it initialises a struct page for each page of
// memory. What follows remaps devices.
var Stops = []string{"free_area_init", "free_area_init_nodes", "early_quirks", "mem_init"}

// zeroPage is boot_params: what the firmware and the loader tell the kernel.
func (k *Kernel) zeroPage(m *Machine) []byte {
	b := make([]byte, 4096)
	copy(b[paramsSetup:], k.Setup)
	b[videoMode], b[videoColumns], b[videoLines] = 3, 80, 25
	b[paramsLoader] = 0xff
	b[paramsFlags] |= 1 // loaded high
	put := binary.LittleEndian
	put.PutUint32(b[paramsCmdline:], commandLine)
	b[paramsEntries] = byte(len(m.Map))
	for i, r := range m.Map {
		e := b[paramsE820+20*i:]
		put.PutUint64(e, r.Start)
		put.PutUint64(e[8:], r.End-r.Start)
		put.PutUint32(e[16:], uint32(r.Kind))
	}
	return b
}

// mpPointer is an MP floating pointer that says that there is one processor of the default kind.
func mpPointer() []byte {
	b := append([]byte("_MP_"), make([]byte, 12)...)
	b[8], b[9], b[11] = 1, 4, 5 // length in 16 bytes, version, default configuration
	var sum byte
	for _, c := range b {
		sum += c
	}
	b[10] = -sum
	return b
}

// fiveLevels reports whether the loader turns five levels on: the kernel's decompressor does if
// the processor can and nobody forbids it (paging_prepare).
func (m *Machine) fiveLevels() bool {
	for _, w := range strings.Fields(m.Cmdline) {
		if w == "no5lvl" {
			return false
		}
	}
	return m.Features.Has(LA57)
}

// identity are the loader's tables: the first 4 GiB by pages of 2 MiB.
func identity(five bool) []byte {
	const pointer, leafFlags = 0x23, 0xe3
	b := make([]byte, loaderEnd-loaderRoot)
	put := func(page, slot, value int) { binary.LittleEndian.PutUint64(b[page*4096+8*slot:], uint64(value)) }
	pa := func(page int) int { return loaderRoot + page*4096 }
	l3 := 1
	put(0, 0, pa(1)|pointer)
	if five {
		put(1, 0, pa(2)|pointer)
		l3 = 2
	}
	for i := range 4 {
		put(l3, i, pa(l3+1+i)|pointer)
		for j := range 512 {
			put(l3+1+i, j, i<<30|j<<21|leafFlags)
		}
	}
	return b
}

// sendCase hands over a machine and how the kernel begins on it.
func (k *Kernel) sendCase(r *Runner, m *Machine, stop string) {
	for _, x := range m.Map {
		if x.Kind != Unusable {
			r.line("ram %x %x", x.Start, x.End)
		}
	}
	r.line("litter %x", m.Litter)
	told := m
	if k.sendShare(r, m) {
		told = &Machine{}
	}
	r.bytes("bytes", bootParams, k.zeroPage(told))
	r.bytes("bytes", commandLine, append([]byte(told.Cmdline), 0))
	r.bytes("bytes", mpTable, mpPointer())
	for _, l := range m.Features.cpuid() {
		r.line("cpuid %x %x %x %x %x %x", l.eax, l.ecx, l.answer[0], l.answer[1], l.answer[2], l.answer[3])
	}
	r.line("msr %x 1", msrMiscEnable)
	if k.Bits == 64 {
		cr4 := cr4PAE
		if m.fiveLevels() {
			cr4 |= cr4LA57
		}
		r.bytes("bytes", loaderRoot, identity(m.fiveLevels()))
		r.line("control %x %x %x %x", cr0Protected|cr0Paging, loaderRoot, cr4, eferLong)
	} else {
		r.line("control %x 0 0 0", cr0Protected)
	}
	r.line("entry %x %x %x", k.Entry, loaderStack, bootParams)
	r.line("text %x %x", k.symbols["_text"], k.End+k.offset)
	r.line("stop %x %s", k.symbols[stop], stop)
	if panics, ok := k.symbols["panic"]; ok {
		r.line("stop %x panic", panics)
	}
}
