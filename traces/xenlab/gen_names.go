package xenlab

import (
	"fmt"
	"strings"
)

// Safety. The guest shares its address space with the scenarios, so a script
// may use its tables only so far:
//
//   - of the boot tables, the entries that the guest does not need (below);
//   - k1 and other L1s with the guest's pages are only ever mapped read-only at
//     k1Slot, where stores go to the entries of s0..s7, and are only linked at
//     sideSlot, which no store goes through;
//   - boot tables that the guest has left are mapped at kSlot, where stores make
//     no entry present, so that there is a way back;
//   - shared_info and MMIO pages, whose contents are not the scenario's, are
//     only mapped at pageSlot and at entry pageEntry;
//   - where pool frames become roots no entry 511 is written but the guest's;
//   - copies of k1 and k2 exclude stores through windows.
const (
	storeSlots = 8  // s0..s7 map pool frames, and stores go there
	kSlot      = 28 // the only page that maps a boot table writable
	k1Slot     = 29 // the only page that maps k1
	pageSlot   = 30 // shared_info and MMIO
	firstSlot  = 96 // entry of k1 that maps s0
	pageEntry  = 7
	sideSlot   = 9
	ownL4      = 511 // entries through which the guest runs
	ownL3      = 510
)

// Entries of the boot tables that scripts may use, and of all other tables. The
// last of each is left out where roots are.
var (
	freeK2 = []int{4, 255, 256, 271, 272, 300, 300, 300, 301, 511}
	freeK3 = []int{0, 1, 5, 5, 255, 256, 271, 272, 511}
	freeK4 = []int{0, 1, 1, 1, 255, 272, 510}
	common = []int{0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 255, 256, 271, 272, 511}
	rootly = []int{0, 0, 0, 1, 1, 1, 2, 255, 256, 258, 271, 272, 510, 511}
)

// among returns one of some entries, and not 511 where roots are.
func (s *scenario) among(entries []int) int {
	for {
		if i := oneOf(s.Rand, entries...); i != ownL4 || !s.roots {
			return i
		}
	}
}

// free returns an entry of a boot table that scripts may use.
func (s *scenario) free(level int) int {
	return s.among([...][]int{freeK2, freeK3, freeK4}[level-2])
}

// index returns an entry of a pool frame to write. The odd ones avoid those
// that Xen fills in an L4, whose frame numbers are the machine's.
func (s *scenario) index(f int) int {
	if s.frames[f].role == 4 {
		return s.among(rootly)
	}
	if s.narrow() && s.frames[f].role == 3 {
		return oneOf(s.Rand, 0, 0, 1, 1, 2, 3, 3, 4, 511)
	}
	if s.chance(10) {
		return oneOf(s.Rand, 10+s.IntN(240), 280+s.IntN(230))
	}
	return s.among(common)
}

// name returns the text of a pool frame.
func name(f int) string { return fmt.Sprintf("f%d", f) }

// pair joins the text of a frame and flags to that of an entry.
func pair(frame, flags string) string { return frame + ":" + flags }

// window returns an address that is reached through an entry of a live table.
// Its indexes avoid the guest's own region and the side entries. Through a
// linear entry in k2 the pages are the L1s in k2: those of the guest, at its
// first entries, are not for reading.
func (s *scenario) window(read bool) string {
	if s.narrow() {
		return s.narrowWindow()
	}
	i := func() uint64 { return uint64(oneOf(s.Rand, 0, 0, 0, 1, 1, 2, 3, 255, 256, 272, 511)) }
	in := func(free []int) uint64 { return uint64(oneOf(s.Rand, free...)) }
	var va uint64
	switch n := s.IntN(6); {
	case n == 0:
		va = in(freeK4)<<39 | i()<<30 | i()<<21 | i()<<12
	case n < 3:
		va = ownL4<<39 | in(freeK3)<<30 | i()<<21 | i()<<12
	case read:
		va = ownL4<<39 | ownL3<<30 | in(freeK2)<<21 | in(freeK2)<<12
	default:
		va = ownL4<<39 | ownL3<<30 | in(freeK2)<<21 | i()<<12
	}
	if va>>47&1 != 0 {
		va |= 0xffff << 48
	}
	return fmt.Sprintf("0x%016x", va)
}

// narrowWindow is window for a 32-bit guest: below the root's first entries, or in
// the region of the guest where its L2 has nothing.
func (s *scenario) narrowWindow() string {
	i := func() uint64 { return uint64(oneOf(s.Rand, 0, 0, 1, 2, 3, 255, 511)) }
	if s.chance(40) {
		return fmt.Sprintf("0x%08x", uint64(s.IntN(3))<<30|i()<<21|i()<<12)
	}
	return fmt.Sprintf("0x%08x", uint64(3)<<30|uint64(oneOf(s.Rand, 4, 255, 256, 271, 272, 300, 300, 301))<<21|i()<<12)
}

// slot returns a virtual page for stores.
func (s *scenario) slot() int {
	if s.chance(3) {
		return storeSlots - 1
	}
	return s.IntN(storeSlots - 2)
}

// Flags that Xen accepts in entries of a level above 1, and that it refuses.
var (
	goodUpper = []string{
		"PWU", "PWU", "PWU", "PWU", "PWU", "PWU", "PU", "PU", "P", "PW", "PWUA", "PWUAD",
		"PUAD", "PWUX", "PX", "PWUabc", "PWUK", "PUc", "PWU+0x4000000000000000",
		"PU+0x7fe0000000000000", "P+0x20000000000000",
	}
	badUpper = []string{
		"PWUS", "PWUG", "PWUT", "PWUC", "PUS", "PS", "PG", "PT", "PC", "PWUTC", "PWUSG",
		"PAS", "PGX",
	}
	goodLeaf = []string{
		"P", "P", "PW", "PW", "PW", "PWU", "PWU", "PU", "PX", "PWX", "PWUX", "PG", "PWG",
		"PUG", "PUK", "PK", "PWUK", "PAD", "PWAD", "PWUAD", "Pabc", "PWb", "PUGK",
		"P+0x4000000000000000", "PW+0x4000000000000000", "P+0x7fe0000000000000",
	}
	oddLeaf = []string{"PS", "PWS", "PT", "PC", "PWC", "PWT", "PTC", "PWUTCS", "PSG", "PUTX"}
	absent  = []string{"", "W", "WU", "U", "WUAD", "S", "G", "X", "K", "WUabcX", "+0x4000000000000000"}
	// Absent entries that leak no memory: none named, or more than there can be. Bit
	// 7 would make them leaks above L1.
	safe = []string{"0x2", "0x8", "0xe00", "0x8000000000000000", "m0xfffffffff:W", "0x3fffffe000000",
		"0x600000001000", "0x10000000000", "0x3ffffffff000"}
	// And such that do.
	leaking = []string{"0x1000", "0x2000", "0xfffffff000", "0x400000001000", "0xffff000000001002", "f1:", "f2:U",
		"f63:WUX", "k1:W", "x:"}
	readers = []string{"P", "P", "P", "PU", "PX", "PA", "PUAD", "PUc", "PUG", "PK"}
	// A device page, an unused page below 1 MiB, and the I/O APIC and the HPET,
	// which are not to be written.
	devices = []string{"m0xb8", "m0xb8", "m0x0", "m0xff", "m0xfec00", "m0xfed00"}
	linears = []string{"P", "P", "P", "PU", "PU", "PX", "PA", "Pabc", "P+0x4000000000000000"}
)

// flags returns flags for an entry of a level, mostly of the accepted kind.
func (s *scenario) flags(level int) string {
	switch n := s.IntN(100); {
	case n < 3 && !s.profile.L1TF:
		return oneOf(s.Rand, absent...)
	case n < 8:
		return s.anyFlags()
	case level > 1 && n < 16:
		return oneOf(s.Rand, badUpper...)
	case level > 1:
		return oneOf(s.Rand, goodUpper...)
	case n < 18:
		return oneOf(s.Rand, oddLeaf...)
	}
	return oneOf(s.Rand, goodLeaf...)
}

// anyFlags draws each flag by itself; the entry is mostly present.
func (s *scenario) anyFlags() string {
	var b strings.Builder
	if s.profile.L1TF || s.chance(85) {
		b.WriteByte('P')
	}
	for _, c := range []byte("WUTCADSGabcKX") {
		if s.chance(22) {
			b.WriteByte(c)
		}
	}
	if s.chance(20) {
		fmt.Fprintf(&b, "+0x%x", uint64(1)<<(53+s.IntN(10)))
	}
	return b.String()
}

// nothing returns an entry that is not present.
func (s *scenario) nothing() string {
	switch n := s.IntN(10); {
	case n > 1:
		return "0"
	case s.profile.L1TF:
		return oneOf(s.Rand, safe...)
	case n == 0:
		return pair(name(s.anyFrame()), oneOf(s.Rand, absent...))
	}
	return oneOf(s.Rand, "0xdeadbeefdeadbeee", "0x1000", "0xfffffffffffffffe", "0x2",
		"0x8000000000000000", "m0xfffffffff:W")
}

// refused returns an entry that no table of the guest may hold.
func (s *scenario) refused() string {
	frame := oneOf(s.Rand, "x", "x", "m0x100", "m0xfee00", "m0xfffffff", "m0xfffffffff")
	return pair(frame, s.flags(1))
}

// page returns an entry of a page that is not the scenario's memory.
func (s *scenario) page() string {
	if s.chance(60) {
		return pair(oneOf(s.Rand, devices...), s.flags(1))
	}
	// A shared_info entry may be cached only one way, and bit 7 is cacheability.
	return pair("h", oneOf(s.Rand, "P", "PW", "PU", "PWU", "PC", "PWC", "PT", "PX"))
}
