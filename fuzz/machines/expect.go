package machines

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// span is a range of bytes.
type span struct{ start, end uint64 }

// memory is the ordinary memory that a kernel may use on a machine, in whole pages: what the
// firmware's map calls usable, less what the command line takes away (e820__memblock_setup,
// memblock_trim_memory). What lies below 1 MiB is left out.
func memory(m *emulator.Machine) []span {
	var list []span
	for _, r := range m.Map {
		if r.Kind != emulator.Usable {
			continue
		}
		if n := len(list); n > 0 && list[n-1].end == r.Start {
			list[n-1].end = r.End
		} else {
			list = append(list, span{r.Start, r.End})
		}
	}
	for _, w := range strings.Fields(m.Cmdline) {
		list = less(list, taken(w))
	}
	for i := range list {
		list[i] = span{max(list[i].start+page-1, isaEnd) &^ (page - 1), list[i].end &^ (page - 1)}
	}
	return slices.DeleteFunc(list, func(s span) bool { return s.start >= s.end })
}

// taken is what a word of the command line takes away: mem=SIZE all behind it, memmap=SIZE$START
// that range.
func taken(word string) span {
	if size, ok := strings.CutPrefix(word, "mem="); ok {
		return span{bytesOf(size), ^uint64(0)}
	}
	if rest, ok := strings.CutPrefix(word, "memmap="); ok {
		size, start, ok := strings.Cut(rest, "$")
		if ok {
			return span{bytesOf(start), bytesOf(start) + bytesOf(size)}
		}
	}
	return span{}
}

// bytesOf reads a size as the kernel's memparse does; 0 if it is none.
func bytesOf(s string) uint64 {
	unit := uint64(1)
	for suffix, u := range map[string]uint64{"K": kib, "M": mib, "G": gib} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = rest, u
		}
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return 0
	}
	return n * unit
}

// less takes a span out of others.
func less(list []span, x span) (out []span) {
	for _, s := range list {
		if x.start >= s.end || x.end <= s.start {
			out = append(out, s)
			continue
		}
		if s.start < x.start {
			out = append(out, span{s.start, x.start})
		}
		if x.end < s.end {
			out = append(out, span{x.end, s.end})
		}
	}
	return out
}

// Where the direct map begins (page_offset_base without KASLR, PAGE_OFFSET), and how far it may
// reach.
const (
	direct4 = 0xffff888000000000
	direct5 = 0xff11000000000000
	direct2 = 0xc0000000
	reach   = 64 << 40
	// guard is what a 32-bit kernel leaves unmapped behind it at least (VMALLOC_OFFSET: 8 MiB).
	guard = 4 << 20
)

// expectation is what a kernel's direct map must be on a machine.
type expectation struct {
	base  uint64
	ram   []span
	top   uint64   // physical addresses from here on are not in it
	sizes []uint64 // of leaves, descending
	small uint64   // below this address pages are small, whatever the sizes
	want  uint64   // bits of every leaf
	mask  uint64   // the bits that are looked at
	code  span     // physical addresses at which no-execute is not looked at
}

// expect is the expectation for a kernel on a machine. limit is the most memory that a 32-bit
// kernel maps.
func expect(k *emulator.Kernel, levels int, m *emulator.Machine, limit uint64) *expectation {
	e := &expectation{ram: memory(m), sizes: []uint64{page}}
	switch levels {
	case 5:
		e.base = direct5
	case 4:
		e.base = direct4
	default:
		e.base = direct2
		// The first large page is not one: MTRRs often end inside (split_mem_range).
		e.small = 4 * mib
		if levels == 3 {
			e.small = 2 * mib
		}
		e.code = span{0, k.End}
	}
	e.top = reach
	if levels <= 3 {
		e.top = isaEnd
		if n := len(e.ram); n > 0 {
			e.top = min(limit, e.ram[n-1].end)
		}
		e.ram = less(e.ram, span{e.top, ^uint64(0)})
	}
	e.ram = append([]span{{0, isaEnd}}, e.ram...) // all of it is mapped, memory or not
	e.leafSizes(levels, m)
	e.attributes(levels, m)
	return e
}

// leafSizes says which leaves the processor and the command line allow.
func (e *expectation) leafSizes(levels int, m *emulator.Machine) {
	if !m.Features.Has(emulator.PSE) {
		return
	}
	big := 2 * mib
	if levels == 2 {
		big = 4 * mib
	}
	e.sizes = []uint64{big, page}
	if levels >= 4 && m.Features.Has(emulator.GBPages) && !has(m.Cmdline, "nogbpages") {
		e.sizes = []uint64{gib, big, page}
	}
}

// Bits of leaves.
const (
	bitPresent  = 1 << 0
	bitWritable = 1 << 1
	bitUser     = 1 << 2
	bitWriteThr = 1 << 3
	bitUncached = 1 << 4
	bitAccessed = 1 << 5
	bitDirty    = 1 << 6
	bitGlobal   = 1 << 8
	bitNX       = 1 << 63
)

// attributes says what the leaves must grant: PAGE_KERNEL. It is global where the processor can,
// unless user mode runs on tables of its own.
func (e *expectation) attributes(levels int, m *emulator.Machine) {
	e.want = bitPresent | bitWritable | bitAccessed | bitDirty
	e.mask = e.want | bitUser | bitWriteThr | bitUncached | bitGlobal
	if m.Features.Has(emulator.PGE) && !isolated(levels, m) {
		e.want |= bitGlobal
	}
	if levels > 2 {
		e.mask |= bitNX
		if m.Features.Has(emulator.NX) {
			e.want |= bitNX
		}
	}
}

// isolated reports whether user mode runs on tables of its own: every processor here has the
// flaw Meltdown (pti_check_boottime_disable). The two-level kernel cannot.
func isolated(levels int, m *emulator.Machine) bool {
	return levels > 2 && !has(m.Cmdline, "nopti") && !has(m.Cmdline, "pti=off") && !has(m.Cmdline, "mitigations=off")
}

// has reports whether a command line has a word.
func has(cmdline, word string) bool { return slices.Contains(strings.Fields(cmdline), word) }

// leaf is the expected leaf at an address: its size, 0 if nothing must be mapped there, with the
// end of the hole.
func (e *expectation) leaf(pa uint64) (size, end uint64) {
	i, _ := slices.BinarySearchFunc(e.ram, pa, func(s span, a uint64) int {
		switch {
		case s.end <= a:
			return -1
		case s.start > a:
			return 1
		}
		return 0
	})
	if i == len(e.ram) {
		return 0, ^uint64(0)
	}
	if e.ram[i].start > pa {
		return 0, e.ram[i].start
	}
	for _, size := range e.sizes {
		start := pa &^ (size - 1)
		if size == page || start >= e.ram[i].start && start+size <= e.ram[i].end && start >= e.small {
			return size, start + size
		}
	}
	return page, pa + page
}
