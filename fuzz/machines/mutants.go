package machines

import "github.com/ptcheck/ptcheck/traces/emulator"

// Functions that are changed more than once.
const (
	memMapping  = "init_mem_mapping"
	rangeMap    = "init_range_memory_mapping"
	physicalMap = "kernel_physical_mapping_init"
	pagesMap    = "phys_pte_init"
	largeMap    = "phys_pmd_init"
	hugeMap     = "phys_pud_init"
	lowPages    = "alloc_low_pages"
	adjust      = "adjust_range_page_size_mask"
)

// Mutants are the changes of kernels' code that can be planted. Where a kernel's code has several
// forms, the patterns are those of Linux 6.1 as Debian builds it: 64 bits, PAE, two levels.
func Mutants() []Mutant {
	return append(append(rights(), extents()...), protocol()...)
}

// rights are changes of what leaves grant, and of their size.
func rights() []Mutant {
	return []Mutant{
		{ID: "K01", Bug: "kernel data may be executed", Rule: ruleAttributes, On: plainMachine, Patches: []Patch{
			{Function: rangeMap, Find: "49 bd 63 01 00 00 00 00 00 80", At: 9, Put: "00"},
			{Function: physicalMap, Find: "81 e6 00 00 00 80", At: 5, Put: "00"},
		}},
		{ID: "K02", Bug: "user mode may read and write the direct map", Rule: ruleAttributes, On: plainMachine, Patches: []Patch{
			{Function: rangeMap, Find: "49 bd 63 01 00 00 00 00 00 80", At: 2, Put: "67"},
			{Function: physicalMap, Find: "81 e1 e3 01 00 00", At: 2, Put: "e7"}, // what the mask lets through
			{Function: physicalMap, Find: "81 e6 e3 01 00 00", At: 2, Put: "e7"},
		}},
		{ID: "K03", Bug: "the direct map is uncached", Rule: ruleAttributes, On: plainMachine, Patches: []Patch{
			{Function: rangeMap, Find: "49 bd 63 01 00 00 00 00 00 80", At: 2, Put: "73"},
			{Function: physicalMap, Find: "81 e1 e3 01 00 00", At: 2, Put: "f3"},
			{Function: physicalMap, Find: "81 e6 e3 01 00 00", At: 2, Put: "f3"},
		}},
		{ID: "K04", Bug: "global pages are never made", Rule: ruleAttributes, Patches: []Patch{
			{Function: memMapping, Find: "48 81 0d ?? ?? ?? ?? 00 01 00 00", At: 8, Put: "00"},
			{Function: memMapping, Find: "81 0d ?? ?? ?? ?? 00 01 00 00", At: 7, Put: "00"},
		}, On: globalMachine},
		{ID: "K05", Bug: "large pages are never used in the direct map", Rule: ruleLarge, On: plainMachine, Patches: []Patch{
			{Function: memMapping, Find: "83 0d ?? ?? ?? ?? 04", At: 6, Put: "00"},
		}},
		{ID: "K06", Bug: "pages of 1 GiB are never used", Rule: ruleLarge, On: hugeMachine, Patches: []Patch{
			{Function: memMapping, Find: "48 0f ba e0 3a 73 ?? 48 c7 c7 ?? ?? ?? ?? e8 ?? ?? ?? ?? 83 0d ?? ?? ?? ?? 08", At: 25, Put: "00"},
		}},
		{ID: "K07", Bug: "pages of 1 GiB are used whatever the processor says: what is mapped later replaces them", Rule: ruleComplete, On: plainMachine, Patches: []Patch{
			{Function: hugeMap, Find: "f6 44 24 18 08 74 79", At: 5, Put: "90 90"},
		}},
		{ID: "K08", Bug: "pages of 2 MiB are used for whatever there is: what is mapped later replaces them", Rule: ruleComplete, On: plainMachine, Patches: []Patch{
			{Function: largeMap, Find: "f6 44 24 20 04 74 79", At: 5, Put: "90 90"},
		}},
		{ID: "K09", Bug: "a large page may reach over a hole", Rule: ruleFit, On: holeMachine, Patches: []Patch{
			{Function: adjust, Find: "84 c0 74 ?? 83 4b ?? 04", At: 2, Put: "90 90"},
			{Function: adjust, Find: "84 c0 74 ?? 83 4e ?? 04", At: 2, Put: "90 90"},
		}},
		{ID: "K10", Bug: "pages lead to the memory of others", Rule: ruleTrue, On: plainMachine, Patches: []Patch{
			{Function: largeMap, Find: "48 81 e7 00 00 e0 ff", At: 5, Put: "c0"},
			{Function: physicalMap, Find: "89 c3 c1 e3 0c 89 f2 81 e2", At: 4, Put: "0d"}, // here: small ones
			{Function: physicalMap, Find: "89 d8 c1 e0 0c 89 8d", At: 4, Put: "0d"},
		}},
	}
}

// extents are changes of what is mapped.
func extents() []Mutant {
	return []Mutant{
		{ID: "K11", Bug: "one page too many is mapped where memory ends", Rule: ruleHoles, On: holeMachine, Patches: []Patch{
			{Function: pagesMap, Find: "4c 39 ff 72 57", At: 3, Put: "76"},
			{Function: physicalMap, Find: "39 f0 73 44", At: 2, Put: "77"},
			{Function: physicalMap, Find: "39 c6 0f 83", At: 3, Put: "87"},
		}},
		{ID: "K12", Bug: "the last page of the first MiB is not mapped", Rule: ruleComplete, On: plainMachine, Patches: []Patch{
			{Function: memMapping, Find: "31 ff be 00 00 10 00", At: 3, Put: "00 f0 0f"},
			{Function: memMapping, Find: "31 c0 ba 00 00 10 00", At: 3, Put: "00 f0 0f", Rule: ruleAttributes}, // it stays as
			{Function: memMapping, Find: "ba 00 00 10 00 25", At: 1, Put: "00 f0 0f", Rule: ruleAttributes},    // it was before
		}},
		{ID: "K13", Bug: "what lies above the highest whole large page is forgotten", Rule: ruleComplete, On: oddMachine, Patches: []Patch{
			{Function: memMapping, Find: "4c 39 e3 73 0b", At: 3, Put: "eb"},
			{Function: memMapping, Find: "39 fb 73 09", At: 2, Put: "eb"},
			{Function: memMapping, Find: "39 de 73 09", At: 2, Put: "eb"},
		}},
		{ID: "K14", Bug: "new tables are not cleared", Rule: ruleHoles, On: litterMachine, Patches: []Patch{
			{Function: lowPages, Find: "85 ed 74 1d", At: 2, Put: "eb", Rule: ruleBoots},
			{Function: lowPages, Find: "f3 ab 39 f3", Put: "90 90"},
		}},
		{ID: "K15", Bug: "the processor is not told of large pages", Rule: ruleBoots, On: plainMachine, Patches: []Patch{
			{Function: memMapping, Find: "b8 10 00 00 00 e8 ?? ?? ?? ?? a1 ?? ?? ?? ?? 81 25 ?? ?? ?? ?? ff fe ff ff 0f ba e0 0d 73 14 b8 80 00 00 00 e8 ?? ?? ?? ?? 81 0d ?? ?? ?? ?? 00 01 00 00 a1 ?? ?? ?? ?? 83 3d", At: 1, Put: "00"},
		}},
		{ID: "K16", Bug: "memory for tables is never found", Rule: ruleBoots, On: litterMachine, Patches: []Patch{
			{Function: lowPages, Find: "48 39 ca 0f 82", Put: "48 39 c0"}, // compares a register with itself
			{Function: lowPages, Find: "39 d1 0f 82", Put: "39 c0"},
			{Function: lowPages, Find: "39 c1 0f 82", Put: "39 c0"},
		}},
	}
}

// protocol are changes of the order and the way in which tables are changed.
func protocol() []Mutant {
	return []Mutant{
		{ID: "K17", Bug: "a table that is there is not looked at: each range gets a new one", Rule: "present-not-reallocated", On: plainMachine, Patches: []Patch{
			{Function: largeMap, Find: "48 f7 c5 9f ff ff ff 0f 84", At: 7, Put: "90 e9", Rule: ruleComplete}, // the tables are not in use yet
			{Function: "one_page_table_init", Find: "f6 00 01 75 ??", At: 3, Put: "90 90"},
			{Function: "one_page_table_init", Find: "83 c8 00 75 ??", At: 3, Put: "90 90"},
		}},
		{ID: "K18", Bug: "the second pass, which sets the attributes, is left out", Rule: ruleAttributes, On: plainMachine, Patches: []Patch{
			{Function: physicalMap, Find: "be 02 00 00 00 2d 00 00 00 40", At: 1, Put: "01"},
			{Function: physicalMap, Find: "ba 02 00 00 00 2d 00 00 00 40", At: 1, Put: "01"},
		}},
		{ID: "K19", Bug: "size and attributes change in one step", Rule: "size-then-attributes", On: plainMachine, Patches: []Patch{
			{Function: physicalMap, Find: "c7 45 b8 01 00 00 00", At: 3, Put: "02"},
		}},
		{ID: "K20", Bug: "nothing is flushed between the two passes", Rule: "size-then-attributes", On: plainMachine, Patches: []Patch{
			{Function: physicalMap, Find: "e8 ?? ?? ?? ?? c7 45 b8 02 00 00 00", Put: "90 90 90 90 90"},
		}},
		{ID: "K21", Bug: "a page that is mapped elsewhere is not flushed", Rule: "changes-flushed", On: plainMachine, Patches: []Patch{
			{Function: "native_flush_tlb_one_user", Find: "0f 01 3f", Put: "0f 1f 00"},
			{Function: "native_flush_tlb_one_user", Find: "0f 01 38", Put: "0f 1f 00"},
		}},
	}
}

// plainMachine is a machine with 256 MiB in one piece.
func plainMachine(b Bounds) *emulator.Machine { return given(b, span{isaEnd, 256 * mib}) }

// given is a machine with all the usual features and some memory above the first MiB.
func given(b Bounds, memory ...span) *emulator.Machine {
	m := &emulator.Machine{Map: []emulator.Range{{Start: 0, End: videoHole, Kind: emulator.Usable}}, Features: plain(b)}
	for _, s := range memory {
		m.Map = append(m.Map, emulator.Range{Start: s.start, End: s.end, Kind: emulator.Usable})
	}
	return m
}

// globalMachine has global pages in the direct map.
func globalMachine(b Bounds) *emulator.Machine {
	m := plainMachine(b)
	m.Cmdline = "nopti"
	return m
}

// hugeMachine has room and a processor for pages of 1 GiB.
func hugeMachine(b Bounds) *emulator.Machine {
	m := given(b, span{isaEnd, 3 * gib}, span{4 * gib, 6 * gib})
	m.Features |= b.Features & emulator.GBPages
	return m
}

// holeMachine has a hole of one page in the middle of a large one.
func holeMachine(b Bounds) *emulator.Machine {
	hole := 128*mib + mib
	return given(b, span{isaEnd, hole}, span{hole + page, 256 * mib})
}

// oddMachine ends in the middle of a large page.
func oddMachine(b Bounds) *emulator.Machine { return given(b, span{isaEnd, 256*mib - 5*page}) }

// litterMachine has memory that nobody cleared, in pieces that need more tables than the kernel
// has room for in itself.
func litterMachine(b Bounds) *emulator.Machine {
	list := []span{{isaEnd, 128 * mib}}
	step := 6 * mib
	if b.Bits == 64 {
		step = gib
	}
	for i := range uint64(20) {
		start := 128*mib + (i+1)*step
		list = append(list, span{start + 3*page, start + mib})
	}
	m := given(b, list...)
	m.Litter = 0xdb63db63db63db63
	return m
}
