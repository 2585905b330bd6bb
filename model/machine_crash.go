package model

import "fmt"

// Crash is the death of the kernel under test. Kernel code has no error
// returns for it, so it travels as a panic and is caught by [Machine.Run].
type Crash struct {
	Kind  CrashKind
	Write bool   // Fault, Misaccess: the access was a store
	User  bool   // Fault: user mode made it
	VA    VA     // Fault, Misaccess: the address accessed
	PA    PA     // Misaccess: where the access would have landed
	Where string // Bug, NullCall: the kernel function; Panic, GoPanic, CCrash: the message
	Count int    // Hang: operations until then; 0: none was made for too long
	Slot  int    // Reserved: the slot of the root
	Errno Errno  // Bug after a refused hypercall: what it answered
	// Rejected: the value that the kernel tried to store, and its bytes.
	Value uint64
	Width int
	// Stack holds the program counters of the calls that led to it, innermost first,
	// as [runtime.Callers] gives them, if [Machine.RecordSites].
	Stack []uintptr
	// Places are those of code that is not Go on that stack, see [Machine.Places].
	Places [][]Place
}

// CrashKind classifies a Crash.
type CrashKind uint8

// Ways to die.
const (
	// CrashFault: page fault at an address that the live tables do not grant.
	CrashFault CrashKind = iota
	// CrashMisaccess: the address is mapped, but to other memory than the direct
	// map promises.
	CrashMisaccess
	// CrashPanic: the kernel gave up by itself ("Out of memory").
	CrashPanic
	// CrashBug: BUG() or BUG_ON().
	CrashBug
	// CrashNullCall: a hook was called that is not set in this phase.
	CrashNullCall
	// CrashRejected: the hypervisor refused to emulate a store to a table.
	CrashRejected
	// CrashReserved: the processor loads a root entry with a reserved bit set.
	CrashReserved
	// CrashDeadlock: the kernel waits for a lock that nobody will release.
	CrashDeadlock
	// CrashHang: a call takes more operations than [Machine.Budget].
	CrashHang
	// CrashGoPanic: the Go code of the kernel panicked by itself (an index out of
	// range, a nil map), or with a value of its own.
	CrashGoPanic
	// CrashStopped: an observer stopped the machine; the kernel is not to blame.
	CrashStopped
	// CrashEnded: the hypervisor has ended the guest.
	CrashEnded
	// CrashC: C code of the kernel died by itself, in a process of its own.
	CrashC
)

// crashKinds names the kinds, says what each is, and which word recorded boots have for it
// where that is another one. It is never written to.
var crashKinds = [...]struct{ name, says, recorded string }{
	CrashFault:     {"fault", "The kernel touched an address that the live tables do not grant: a page fault with nobody to handle it.", ""},
	CrashMisaccess: {"misaccess", "The address was mapped, but to other memory than the direct map promises: the access landed in a foreign frame.", ""},
	CrashPanic:     {"panic", "The kernel gave up by itself, as out of memory.", ""},
	CrashBug:       {"bug", "The kernel stopped at a BUG() or BUG_ON() of its own, often because a hypercall was refused.", ""},
	CrashNullCall:  {"null-call", "A hook was called that is not set in this phase.", ""},
	CrashRejected:  {"store-rejected", "The hypervisor refused to carry out a store to a table, which reaches the kernel as a page fault (pte-write-rejected in recorded boots).", "pte-write-rejected"},
	CrashReserved:  {"reserved-bit", "The processor was to load a root entry with a reserved bit set: a general protection fault.", ""},
	CrashDeadlock:  {"deadlock", "The kernel waits for a lock that nobody will release.", ""},
	CrashHang:      {"hang", "A call took more operations of the machine than its budget, as a loop without an end does, or C code ran on without one.", ""},
	CrashGoPanic:   {"go-panic", "The Go code of the kernel panicked by itself: an index out of range, a nil map, a value of its own.", ""},
	CrashStopped:   {"stopped", "An observer stopped the machine; the kernel is not to blame.", ""},
	CrashEnded:     {"ended", "The hypervisor has ended the guest.", ""},
	CrashC:         {"c-crash", "C code of the kernel died by itself: a pointer that leads nowhere, abort, a failed assertion, exit, or a variable that it leaves changed.", ""},
}

// CrashKinds are all kinds of deaths.
func CrashKinds() []CrashKind {
	kinds := make([]CrashKind, len(crashKinds))
	for i := range kinds {
		kinds[i] = CrashKind(i)
	}
	return kinds
}

// String returns the name of the kind.
func (k CrashKind) String() string { return crashKinds[k].name }

// Says tells in a sentence what the kind is.
func (k CrashKind) Says() string { return crashKinds[k].says }

// Recorded is the word that recorded boots, and so the lines that describe a death, have
// for the kind; "" where it is its name or they have none.
func (k CrashKind) Recorded() string { return crashKinds[k].recorded }

// Error describes the death in one line, in the words of the golden recordings
// where they have some.
func (c *Crash) Error() string {
	rw := "read"
	if c.Write {
		rw = "write"
	}
	if c.User {
		rw = "user " + rw
	}
	switch c.Kind {
	case CrashFault:
		return fmt.Sprintf("fault %s %08x", rw, uint64(c.VA)&^(PageSize-1))
	case CrashMisaccess:
		return fmt.Sprintf("misaccess %s %08x reaches pa %09x", rw, uint64(c.VA)&^(PageSize-1), uint64(c.PA)&^(PageSize-1))
	case CrashPanic:
		return "panic " + c.Where
	case CrashBug:
		if c.Errno != OK {
			return fmt.Sprintf("bug %s BUG (hypercall answered %v)", c.Where, c.Errno)
		}
		return fmt.Sprintf("bug %s BUG", c.Where)
	case CrashNullCall:
		return fmt.Sprintf("bug null call of %s", c.Where)
	case CrashRejected:
		return fmt.Sprintf("fault %s pa %08x (%v)", c.Kind.Recorded(), uint64(c.PA), c.Errno)
	}
	switch c.Kind {
	case CrashReserved:
		return fmt.Sprintf("fault general protection: reserved bits in root entry %d", c.Slot)
	case CrashDeadlock:
		return "deadlock"
	case CrashHang:
		if c.Count == 0 {
			return "hang: " + c.Where
		}
		return fmt.Sprintf("hang: the call has not ended after %d operations of the machine", c.Count)
	case CrashGoPanic:
		return "go-panic " + c.Where
	case CrashC:
		return "c-crash " + c.Where
	case CrashEnded:
		return "ended by the hypervisor: an absent entry names memory"
	}
	return "stopped by " + c.Where
}
