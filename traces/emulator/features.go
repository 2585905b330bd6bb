package emulator

import (
	"fmt"
	"strings"
)

// Features is a set of processor features that page tables depend on.
type Features uint

// Features.
const (
	PSE     Features = 1 << iota // large pages with two levels; later kernels ask for it with any
	PGE                          // global pages
	NX                           // the no-execute bit
	GBPages                      // leaves of 1 GiB
	LA57                         // five levels
	PCID
	SMEP
	features = iota
)

var featureNames = [features]string{"pse", "pge", "nx", "gbpages", "la57", "pcid", "smep"}

// Has reports whether all of some features are there.
func (f Features) Has(x Features) bool { return f&x == x }

// String is the features' names with blanks between them.
func (f Features) String() string {
	var list []string
	for i, name := range featureNames {
		if f.Has(1 << i) {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}

// ParseFeatures reads names with blanks between them.
func ParseFeatures(s string) (f Features, err error) {
words:
	for _, w := range strings.Fields(s) {
		for i, name := range featureNames {
			if w == name {
				f |= 1 << i
				continue words
			}
		}
		return 0, fmt.Errorf("%.20q is no feature; there are %s", w, strings.Join(featureNames[:], ", "))
	}
	return f, nil
}

// leaf is a leaf of CPUID: EAX and ECX that ask for it, and the answer.
type leaf struct {
	eax, ecx uint32
	answer   [4]uint32 // EAX, EBX, ECX, EDX
}

// Bits of CPUID that every machine here has: what an early x86-64 processor had but for MTRRs,
// machine checks and the local APIC, which want registers that nobody answers for.
const (
	basicEDX    = 0x0783fbff &^ (1<<3 | 1<<7 | 1<<9 | 1<<12 | 1<<13 | 1<<14)
	basicECX    = 1<<0 | 1<<9 | 1<<13 | 1<<19 | 1<<20 | 1<<23 // SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT
	extendedEDX = 1<<11 | 1<<27 | 1<<29                       // SYSCALL, RDTSCP, long mode
	vendorB     = 0x756e6547                                  // GenuineIntel
	vendorD     = 0x49656e69
	vendorC     = 0x6c65746e
	signature   = 0x306c3
)

// physicalBits is the width of a physical address, with four levels and with five.
func (f Features) physicalBits() uint32 {
	if f.Has(LA57) {
		return 52
	}
	return 46
}

// cpuid is what the processor says of itself.
func (f Features) cpuid() []leaf {
	bit := func(x Features, n uint) uint32 {
		if f.Has(x) {
			return 1 << n
		}
		return 0
	}
	linear := uint32(48)
	if f.Has(LA57) {
		linear = 57
	}
	edx := basicEDX | bit(PSE, 3) | bit(PGE, 13)
	ext := extendedEDX | bit(NX, 20) | bit(GBPages, 26)
	list := []leaf{
		{0, 0, [4]uint32{0x16, vendorB, vendorC, vendorD}},
		{1, 0, [4]uint32{signature, 0x10800, basicECX | bit(PCID, 17), edx}},
		{7, 0, [4]uint32{0, bit(SMEP, 7), bit(LA57, 16), 0}},
		// The clock's rate, so that the kernel does not measure it.
		{0x15, 0, [4]uint32{1, 100, 25_000_000, 0}},
		{0x16, 0, [4]uint32{2500, 2500, 100, 0}},
		{0x80000000, 0, [4]uint32{0x80000008, 0, 0, 0}},
		{0x80000001, 0, [4]uint32{0, 0, 1, ext}},
		{0x80000008, 0, [4]uint32{f.physicalBits() | linear<<8, 0, 0, 0}},
	}
	const blanks = 0x20202020
	for n := uint32(0x80000002); n <= 0x80000004; n++ {
		list = append(list, leaf{n, 0, [4]uint32{blanks, blanks, blanks, blanks}})
	}
	return list
}

// CPUID is what the processor answers in EAX, EBX, ECX and EDX.
func (f Features) CPUID(eax, ecx uint32) (v [4]uint32) {
	for _, l := range f.cpuid() {
		if l.eax == eax && (l.ecx == ecx || l.ecx == 0) {
			return l.answer
		}
	}
	return v
}
