package hostile

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/model"
)

// Scope is a hostile guest with a name, to be searched by itself.
type Scope struct {
	Name    string
	Says    string // one line
	Options Options
	// Depth is how many operations are searched unless somebody asks for more: a
	// second or so.
	Depth int
}

// again is how the names of scopes end that are searched a second time, under other
// rules.
const again = "-4.17"

// Again reports whether the scope is another one under other rules.
func (s *Scope) Again() bool { return strings.HasSuffix(s.Name, again) }

// Scopes are the scopes of system hyper, those that the mutants of the
// hypervisor are caught in. Each is searched under the rules of an ideal hypervisor,
// of which a refused operation leaves nothing behind, and again, with "-4.17" behind
// its name, under those of Xen 4.17, which undoes a refused operation piece by piece.
// What Xen 4.17 is known to forget there is no finding (model.Xen417Known). Guests
// whose operations are interrupted, or that have two processors, are judged by the
// latter alone: what is rolled back must not span a switch.
func Scopes() []Scope { return slices.Clone(scopes()) }

// scopes are the same ones, nobody's to change. They are made once: to find one by name
// all are looked through.
var scopes = sync.OnceValue(func() []Scope {
	var out []Scope
	for _, s := range slices.Concat(tableScopes(), entryScopes(), memoryScopes(), hypervisorScopes()) {
		s.Options.Profile = model.Ideal()
		out = append(out, s)
		s.Name += again
		s.Options.Profile = model.Xen417Known()
		out = append(out, s)
	}
	for _, s := range slices.Concat(interruptedScopes(), raceScopes()) {
		s.Options.Profile = model.Xen417Known()
		out = append(out, s)
	}
	return out
})

// tableScopes are about tables and what is written into them.
func tableScopes() []Scope {
	return []Scope{
		{"linear", "same-level entries, and chains of them", Options{Slots: []int{1, 1}, Frames: 4,
			Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW"}}, 5},
		{"pae", "a PAE root, whose last L2 has the hypervisor's slots", Options{Slots: []int{3, 2, 1}, PAE: true, XenSlots: true, Frames: 5,
			Memory: []string{"f0 2 f3:P"}, Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PX"}}, 3},
		{"pae-roots", "PAE roots that are refused, taken and given up", Options{Slots: []int{2, 1, 1}, PAE: true, XenSlots: true, Frames: 6,
			Memory: []string{"f0 1 f3:P", "f4 0 f1:P", "f5 0 f2:PW"}, Ops: []string{"mu", "pin", "unpin", "cr3"}, Flags: []string{"P"}, Targets: []int{5}}, 4},
		{"deep", "a tree of four levels with a flaw", Options{Slots: []int{2, 1, 2, 1}, Frames: 7,
			Memory: []string{"f4 1 f5:P", "f5 0 f6:P", "f6 0 f3:P", "f6 1 f0:P"}, Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW"}, Targets: []int{3, 6}}, 3},
		{"large", "large pages asked for", Options{Slots: []int{2, 2}, Frames: 4,
			Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW", "PWS"}}, 3},
		{"flags", "every kind of flag in the entries of a 64-bit guest", Options{Slots: []int{1, 1, 1, 1}, Wide: true, Frames: 5,
			Memory: []string{"f3 0 f4:P"}, Ops: []string{"mu", "mua", "uva", "pin", "unpin"}, Flags: []string{"P", "PU", "PK", "PX", "PG", "PC", "PA"}, Targets: []int{3, 4}}, 2},
		{"stores", "stores to tables that the hypervisor carries out, whole and by halves", Options{Slots: []int{1, 2}, Frames: 3,
			Memory: []string{"f1 0 f1:P"}, Ops: []string{"put", "put-low", "put-high", "put-locked"}, Flags: []string{"P", "PW"},
			Words: []string{"0x100000001"}}, 0},
		{"locked", "stores of a 64-bit guest, plain and locked, on processors that mark entries", Options{Slots: []int{1, 2}, Wide: true, AccessBits: true, Frames: 3,
			Memory: []string{"f1 0 f1:P"}, Ops: []string{"put", "put-locked", "mua", "touch"}, Flags: []string{"P", "PU", "PW"}, Targets: []int{1, 2}}, 3},
		{"trees", "updates by address through a linear map that may be out of date", Options{Slots: []int{2, 1, 1}, Frames: 6, StaleTLB: true,
			Memory: []string{"f0 1 f1:P", "f3 0 f4:PW"}, Ops: []string{"mu", "uva"}, Flags: []string{"P"}, Targets: []int{3, 5}}, 4},
		{"user", "a 64-bit guest with a user root, and batches that return to user mode", Options{Slots: []int{1, 1}, Wide: true, Frames: 4,
			Memory: []string{"f2 0 f3:PW"}, Ops: []string{"ucr3", "iret"}, Flags: []string{"P"}}, 0},
		{"domU", "a guest without privileges, on a processor that leaks what absent entries name", Options{Slots: []int{2, 1}, Guest: model.DomU, Frames: 4,
			Memory: []string{"f1 0 f1:P", "f3 0 f2:U"}, Ops: []string{"mu", "pin", "put", "assist-stores", "kill"}, Flags: []string{"P", "PC"}, Targets: []int{1, 2},
			Words: []string{"0x1000", "0x80", "0x400000001000", "0x10000000000", "0x2"}}, 2},
	}
}

// Flags that a right hypervisor takes in leaves of a guest with devices, and above. Bit 52
// has a meaning of its own in leaves alone.
const (
	leafFlags  = upperFlags | model.PWT | model.PCD | model.PSE | model.Global
	upperFlags = model.Present | model.RW | model.User | model.Accessed | model.Dirty | model.Avail | model.AvailHigh&^model.GuestKernel | model.NX
)

// whole is a word with a frame and flags.
func whole(f int, flags model.Entry) string {
	return fmt.Sprintf("%#x", uint64(model.MakeEntry(model.MFN(f), flags)))
}

// entryScopes have entries with all flags, and with none, on every way into a table: what is
// stored there is what has been checked.
func entryScopes() []Scope {
	full, upper := leafFlags, upperFlags
	return []Scope{
		{"every-flag", "leaves with every flag and with none, updated and stored", Options{Slots: []int{1, 2}, Wide: true, Guest: model.Dom0, Frames: 3,
			Memory: []string{"f1 0 f1:P"}, Ops: []string{"mu", "mua", "uva", "put", "put-locked"}, Flags: []string{"P", "PK", "PUK"}, Targets: []int{0, 2},
			Words: []string{whole(2, full), whole(2, full&^model.User)}}, 2},
		{"every-flag-above", "the same of entries above the leaves", Options{Slots: []int{1, 1, 1, 1}, Wide: true, Guest: model.Dom0, Frames: 4,
			Ops: []string{"mu", "mua"}, Flags: []string{"P"}, Targets: []int{1, 2, 3}, Words: []string{whole(1, upper), whole(2, upper), whole(3, upper)}}, 2},
		{"every-flag-found", "the same of entries that an audit finds", Options{Slots: []int{2, 2, 2, 2}, Wide: true, Guest: model.Dom0, Frames: 9,
			Memory: []string{"f4 0 " + whole(5, upper), "f4 1 f5:P", "f5 0 " + whole(6, upper), "f5 1 f6:P", "f6 0 " + whole(7, upper), "f6 1 f6:P",
				"f7 0 " + whole(8, full), "f7 1 f7:PK"},
			Ops: []string{"pin"}, Flags: []string{"P"}, Targets: []int{}}, 1},
		{"every-flag-granted", "grants that a 64-bit guest maps at entries of its own", Options{Slots: []int{1, 2}, Wide: true, Frames: 3,
			Memory: []string{"f1 0 f1:P"}, Ops: []string{"grant-map", "grant-read", "grant-unmap"}, Flags: []string{"P"}, Targets: []int{2}}, 2},
	}
}

// memoryScopes are about what processors cache, and about frames that come and go.
func memoryScopes() []Scope {
	return []Scope{
		{"stale", "translations that stay cached until they are flushed", Options{Slots: []int{1, 2}, Frames: 4,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Ops: []string{"mu", "uva", "touch", "pin", "unpin", "flush"},
			Flags: []string{"P", "PW"}, Targets: []int{2}}, 5},
		{"flushes", "updates by address that flush besides", Options{Slots: []int{1, 2}, Frames: 4,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Ops: []string{"uva", "uva-flush", "uva-flush-all", "touch", "pin"},
			Flags: []string{"P", "PW"}, Targets: []int{2}}, 5},
		{"roots", "roots that are loaded and given up", Options{Slots: []int{1, 2}, Frames: 5, StaleTLB: true,
			Memory: []string{"f1 0 f4:PW", "f2 0 f3:P"}, Ops: []string{"mu", "touch", "pin", "unpin", "cr3"}, Flags: []string{"P"},
			Targets: []int{}}, 6},
		{"frames", "frames that are given back, given away and obtained", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"mu", "pin", "unpin", "release", "give", "obtain", "kill"}, Flags: []string{"P", "PW"}}, 5},
		{"given", "frames that are given away while they may be cached", Options{Slots: []int{1, 1}, Frames: 3, StaleTLB: true,
			Memory: []string{"f1 0 f2:PW"}, Ops: []string{"mu", "touch", "give", "obtain", "pin"}, Flags: []string{"P", "PW"}, Targets: []int{2}}, 5},
		{"pages", "frames that are cleared and copied", Options{Slots: []int{1, 2}, Frames: 4,
			Memory: []string{"f1 0 f3:PW", "f2 0 f3:P"}, Ops: []string{"clear", "copy", "pin", "unpin", "mu"}, Flags: []string{"P", "PW"}, Targets: []int{2, 3}}, 3},
		{"others", "frames of the hypervisor's own, shared ones and the list of frames", Options{Slots: []int{1, 1}, Frames: 3,
			Extra: []model.ExtraKind{model.SharedInfo, model.XenOwned}, Ops: []string{"mu", "pin", "unshare", "m2p", "kill"},
			Flags: []string{"P", "PW"}}, 4},
		{"grants", "mappings of other domains, and grants mapped into tables", Options{Slots: []int{1, 2}, Frames: 4, StaleTLB: true,
			Memory: []string{"f1 0 f2:P", "f1 1 f2:P"}, Ops: []string{"mu", "pin", "lend", "unlend", "unlend-device", "grant-pte", "give", "obtain"},
			Flags: []string{"P"}, Targets: []int{2, 3}}, 4},
		{"granted", "grants that the guest maps at entries of its own", Options{Slots: []int{1, 2}, Frames: 4, StaleTLB: true,
			Memory: []string{"f1 0 f3:PW"}, Ops: []string{"grant-map", "grant-read", "grant-unmap", "mu", "pin", "touch", "kill"},
			Flags: []string{"P"}, Targets: []int{2, 3}}, 3},
		{"devices", "a device that writes to what it was allowed to once", Options{Slots: []int{1, 1}, Frames: 3, StaleTLB: true,
			Ops: []string{"assign", "release", "obtain", "mu", "pin"}, Flags: []string{"P", "PW"}}, 4},
	}
}

// hypervisorScopes are about what is the hypervisor's own.
func hypervisorScopes() []Scope {
	return []Scope{
		{"slots", "the hypervisor's slots of 64-bit roots, and its list of frames", Options{Slots: []int{4, 1}, Wide: true, XenSlots: true, Frames: 4,
			Ops: []string{"mu", "pin", "unpin", "cr3", "ucr3", "copy", "assist-m2p"}, Flags: []string{"P"}, Targets: []int{3}}, 3},
		{"descriptors", "descriptor tables, and what another domain puts into them", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"gdt", "gdt-two", "gdt-none", "give", "obtain", "other"}, Flags: []string{"P"}, Targets: []int{},
			Words: []string{"0x8f0000000000"}}, 0},
		{"wild", "addresses and pointers that no guest should name", Options{Slots: []int{1, 1}, Frames: 4,
			Ops: []string{"mu", "uva", "uva-wild", "result"}, Flags: []string{"P"}}, 4},
	}
}

// interruptedScopes are about operations that stop half-way.
func interruptedScopes() []Scope {
	return []Scope{
		{"partial", "audits and releases that are interrupted", interruptedGuest(), 0},
		{"nested", "the same in a table of tables", nestedGuest(), 5},
		{"busy", "the same, where another processor is at work on a table below", busyGuest(), 4},
		{"late", "roots that are given up in pieces", Options{Slots: []int{1, 2, 1}, Wide: true, Frames: 6, Interrupts: 2,
			Memory: []string{"f3 0 f4:P", "f4 0 f2:P", "f4 1 f5:P"}, Ops: []string{"cr3", "cr3-part", "ucr3", "ucr3-part", "finish", "finish-part", "unpin"}, Flags: []string{"P"}, Targets: []int{}}, 4},
		{"domU-partial", "audits that end a guest, and what is left of them", Options{Slots: []int{2, 2, 1}, Guest: model.DomU, Frames: 6, Interrupts: 2,
			Memory: []string{"f3 0 f4:P", "f3 1 f5:P", "f4 0 f2:P", "f5 0 f2:P", "f5 1 f1:U"}, Ops: []string{"pin", "pin-part", "unpin", "kill"}, Flags: []string{"P"}, Targets: []int{}}, 0},
	}
}

// raceScopes have two processors.
func raceScopes() []Scope {
	return []Scope{
		{"race", "two processors in the hypervisor: one pins, the other maps and writes", Options{Slots: []int{1, 1}, Frames: 3,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Ops: []string{"uva", "touch", "pin"}, Flags: []string{"PW"}, Targets: []int{2},
			Stopped: []string{"pin"}, Beside: []string{"uva", "touch"}, BesideLen: 3}, 3},
		{"race-end", "two processors: one pins, the other unpins or destroys the guest", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"pin", "kill"}, Flags: []string{"P"}, Stopped: []string{"pin"}, Beside: []string{"kill", "unpin"}}, 0},
		{"race-update", "two processors: one updates a table that the other unpins", Options{Slots: []int{1, 1}, Frames: 4,
			Memory: []string{"f2 0 f3:P"}, Ops: []string{"pin", "unpin", "kill"}, Flags: []string{"P"}, Targets: []int{3},
			Stopped: []string{"mu"}, Beside: []string{"unpin"}}, 4},
		{"race-audit", "two processors: one pins a table, the other writes to it before the audit has begun", Options{Slots: []int{1, 1}, Frames: 4,
			Memory: []string{"f1 0 f2:P", "f2 0 f3:PW"}, Ops: []string{"pin", "unpin"}, Flags: []string{"P"}, Targets: []int{3},
			Stopped: []string{"pin"}, Beside: []string{"put", "put-locked", "mu"}}, 2},
		{"race-dirty", "two processors: one updates an entry and keeps its dirty bit, the other writes to the page", Options{Slots: []int{1, 2}, Frames: 4,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, AccessBits: true, Ops: []string{"mua", "touch", "flush"}, Flags: []string{"PW"}, Targets: []int{2, 3},
			Stopped: []string{"mua"}, Beside: []string{"touch"}}, 2},
	}
}

// nestedGuest has an L3 whose entries name an L2 with two L1s and the builder's
// L2.
func nestedGuest() Options {
	return Options{Slots: []int{2, 2, 1}, Frames: 6, Interrupts: 3, Flags: []string{"P"},
		Memory: []string{"f3 0 f4:P", "f3 1 f1:P", "f4 0 f2:P", "f4 1 f5:P"},
		Ops:    []string{"pin", "pin-part", "pin-late", "unpin", "unpin-part", "finish", "kill"}}
}

// busyGuest has an L3 of two L2s, either of which takes time.
func busyGuest() Options {
	return Options{Slots: []int{2, 2, 1}, Frames: 6, Interrupts: 3, Flags: []string{"P"},
		Memory: []string{"f3 0 f4:P", "f3 1 f5:P", "f4 0 f2:P", "f4 1 f2:P", "f5 0 f2:P", "f5 1 f2:P"},
		Ops:    []string{"pin", "pin-part", "pin-busy", "unpin", "unpin-part", "finish-part"}}
}

// interruptedGuest has an L2 with two L1s.
func interruptedGuest() Options {
	return Options{Slots: []int{2, 1}, Frames: 4, Interrupts: 2, Flags: []string{"P"},
		Memory: []string{"f2 0 f1:P", "f2 1 f3:P"},
		Ops:    []string{"pin", "pin-part", "unpin", "unpin-part", "finish", "finish-part", "kill"}}
}

// FindScope returns the scope with a name.
func FindScope(name string) (Scope, bool) {
	for _, s := range scopes() {
		if s.Name == name {
			return s, true
		}
	}
	return Scope{}, false
}
