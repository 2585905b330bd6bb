package machine

import "fmt"

// Range is a range of physical addresses, its end exclusive.
type Range struct{ Start, End uint64 }

// Patch is memory that is not the image's: boot parameters, a command line, a loader's tables.
type Patch struct {
	PA    uint64
	Bytes []byte
}

// Leaf names a leaf and a subleaf of CPUID.
type Leaf struct{ EAX, ECX uint32 }

// Case is one machine, and how a kernel begins on it.
type Case struct {
	RAM     []Range
	Litter  uint64 // the word that memory is full of at first; 0: memory is clean
	Patches []Patch

	CPUID map[Leaf][4]uint32 // EAX, EBX, ECX, EDX; leaves that are missing are zero
	MSRs  map[uint32]uint64

	Share Share

	PC                  uint64
	CR0, CR3, CR4, EFER uint64
	Stack, BootParams   uint64            // ESP or RSP; ESI or RSI
	Stops               map[uint64]string // where the run ends, with a name to tell
	MaxEvents           int               // lines of the recording; 0: a million
	Text                Range             // what may be a return address
}

// Share says that cases begin alike: up to an instruction, nothing depends on what memory they
// have besides some, nor on what is stored only there.
type Share struct {
	At     uint64  // the instruction, by its virtual address; 0: cases begin each for itself
	Common []Range // memory that there is up to it
	Late   []Patch // by virtual addresses: what is stored when it is reached
}

// Result is how a run ended.
type Result struct {
	// Stop is the name of the stop that was met, or "halt", "exception", "events", "error".
	Stop string
	// Detail says more, for people.
	Detail string
	PC     uint64
	Passes int
	Totals Totals
	// Registers are the general registers at the end, in the order of their encoding, and
	// Stack the words that the stack pointer points to.
	Registers [16]uint64
	Stack     [8]uint64
	// Console is what went to the serial port and to port e9.
	Console []byte
}

// Totals are counts that go to the end of the recording.
type Totals struct {
	Stores, Controls, Flushes, Checks, Differences, Accessed int
	Exceptions, Nowhere, Unplaced, Frames                    int
}

// String is the totals as a recording has them. How much of nothing was read is not among them: it
// depends on what the shared part of a run found where other machines have memory.
func (t *Totals) String() string {
	return fmt.Sprintf("stores %d controls %d flushes %d hypercalls 0 checks %d differences %d accessed %d exceptions %d unplaced %d frames %d",
		t.Stores, t.Controls, t.Flushes, t.Checks, t.Differences, t.Accessed, t.Exceptions, t.Unplaced, t.Frames)
}
