package model

// Entry is a raw page-table entry as the hardware sees it, of any level and
// either width; a 4-byte entry uses the low 32 bits. Its frame number is a
// machine frame number.
//
// Bits: Intel SDM vol. 3, section 4.3 to 4.5; AMD APM vol. 2, chapter 5.
type Entry uint64

// Entry flags, by their names in the manuals.
const (
	Present  Entry = 1 << 0 // P
	RW       Entry = 1 << 1 // R/W: writable
	User     Entry = 1 << 2 // U/S: user accessible
	PWT      Entry = 1 << 3 // page write-through
	PCD      Entry = 1 << 4 // page cache disable
	Accessed Entry = 1 << 5
	Dirty    Entry = 1 << 6
	PSE      Entry = 1 << 7 // page size in L2 and above; PAT in L1
	Global   Entry = 1 << 8
	Avail    Entry = 7 << 9 // bits 9-11, free for software
	NX       Entry = 1 << 63

	// AvailHigh are the software bits 52 to 62 of an 8-byte entry.
	AvailHigh Entry = 0x7ff << 52
	// GuestKernel (bit 52) is Xen's mark on kernel leaf entries of a 64-bit
	// guest (_PAGE_GUEST_KERNEL in Xen's x86_64/page.h).
	GuestKernel Entry = 1 << 52

	// FrameMask are the frame number bits 12 to 51.
	FrameMask Entry = 0x000f_ffff_ffff_f000
	// FlagMask is everything but the frame number.
	FlagMask = ^FrameMask
)

// MakeEntry puts a machine frame number and flags together.
func MakeEntry(m MFN, flags Entry) Entry {
	return Entry(m)<<PageShift&FrameMask | flags&FlagMask
}

// MFN returns the machine frame number of an entry.
func (e Entry) MFN() MFN { return MFN(e & FrameMask >> PageShift) }

// Flags returns the entry without its frame number.
func (e Entry) Flags() Entry { return e & FlagMask }

// Is reports whether all the given flags are set.
func (e Entry) Is(flags Entry) bool { return e&flags == flags }

// flagNames are the letters of entries in text, lowest bit first.
var flagNames = [...]struct {
	letter byte
	flag   Entry
	says   string
}{
	{'P', Present, "present"},
	{'W', RW, "writable (R/W)"},
	{'U', User, "open to user mode (U/S)"},
	{'T', PWT, "write-through (PWT)"},
	{'C', PCD, "cache disabled (PCD)"},
	{'A', Accessed, "accessed"},
	{'D', Dirty, "dirty"},
	{'S', PSE, "a large page above L1 (PS); PAT in an L1"},
	{'G', Global, "global: stays in the TLB when CR3 is loaded"},
	{'a', 1 << 9, "left to software, bit 9"},
	{'b', 1 << 10, "left to software, bit 10"},
	{'c', 1 << 11, "left to software, bit 11"},
	{'K', GuestKernel, "an entry of the kernel of a 64-bit guest of Xen (_PAGE_GUEST_KERNEL)"},
	{'X', NX, "no execution (NX)"},
}

// SayFlag tells what a flag letter of entries in text stands for, "" if it is none.
func SayFlag(letter byte) string {
	for _, n := range flagNames {
		if n.letter == letter {
			return n.says
		}
	}
	return ""
}

// AppendFlags appends the flag letters of an entry to dst, in the notation of
// scenario files; flags without a letter follow as +0xN.
func AppendFlags(dst []byte, e Entry) []byte {
	rest := e.Flags()
	for _, n := range flagNames {
		if rest&n.flag != 0 {
			dst = append(dst, n.letter)
			rest &^= n.flag
		}
	}
	if rest != 0 {
		dst = append(dst, "+0x"...)
		dst = appendHex(dst, uint64(rest))
	}
	return dst
}

// ParseFlag returns the flag that a letter stands for.
func ParseFlag(letter byte) (Entry, bool) {
	for _, n := range flagNames {
		if n.letter == letter {
			return n.flag, true
		}
	}
	return 0, false
}

func appendHex(dst []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	shift := 60
	for shift > 0 && v>>shift == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, digits[v>>shift&15])
	}
	return dst
}
