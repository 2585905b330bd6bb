package hostile

import "github.com/ptcheck/ptcheck/model"

// Scope is a hostile guest with a name, to be searched by itself.
type Scope struct {
	Name    string
	Says    string // one line
	Options Options
	// Depth is how many operations are searched unless somebody asks for more: a
	// second or so.
	Depth int
}

// Scopes are the scopes of system hyper, those that the mutants of the
// hypervisor are caught in. Guests whose operations are interrupted, or that have
// two processors, are judged by the rules of Xen 4.17, which undo a refused
// operation piece by piece; the others by those of an ideal hypervisor, which
// leave nothing behind. That is because Xen 4.17 loses references: with four
// levels; where the last L2 of a refused PAE root has another parent (scope pae,
// two operations); and where slot 0 of a table names, as a same-level entry, one
// that is released half-way (scope nested, one operation more than its depth).
func Scopes() []Scope {
	xen, ideal := model.Xen417(), model.Ideal()
	return []Scope{
		{"linear", "same-level entries, and chains of them", Options{Slots: []int{1, 1}, Frames: 4,
			Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW"}, Profile: ideal}, 5},
		{"pae", "a PAE root, whose last L2 has the hypervisor's slots", Options{Slots: []int{3, 2, 1}, PAE: true, Frames: 5,
			Memory: []string{"f0 2 f3:P"}, Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P"}, Profile: ideal}, 3},
		{"large", "large pages asked for", Options{Slots: []int{2, 2}, Frames: 4,
			Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW", "PWS"}, Profile: ideal}, 3},
		{"stores", "stores to tables that the hypervisor carries out, whole and by halves", Options{Slots: []int{1, 2}, Frames: 3,
			Memory: []string{"f1 0 f1:P"}, Ops: []string{"put", "put-low", "put-high"}, Flags: []string{"P", "PW"},
			Words: []string{"0x100000001"}, Profile: ideal}, 0},
		{"partial", "audits and releases that are interrupted", interruptedGuest(xen), 0},
		{"nested", "the same in a table of tables", nestedGuest(xen), 4},
		{"stale", "translations that stay cached until they are flushed", Options{Slots: []int{1, 2}, Frames: 4,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Ops: []string{"mu", "uva", "touch", "pin", "unpin", "flush"},
			Flags: []string{"P", "PW"}, Targets: []int{2}, Profile: ideal}, 5},
		{"trees", "updates by address through a linear map that may be out of date", Options{Slots: []int{2, 1, 1}, Frames: 6, StaleTLB: true,
			Memory: []string{"f0 1 f1:P", "f3 0 f4:PW"}, Ops: []string{"mu", "uva"}, Flags: []string{"P"}, Targets: []int{3, 5}, Profile: ideal}, 4},
		{"roots", "roots that are loaded and given up", Options{Slots: []int{1, 2}, Frames: 5, StaleTLB: true,
			Memory: []string{"f1 0 f4:PW", "f2 0 f3:P"}, Ops: []string{"mu", "touch", "pin", "unpin", "cr3"}, Flags: []string{"P"},
			Targets: []int{}, Profile: ideal}, 6},
		{"user", "a 64-bit guest with a user root, and batches that return to user mode", Options{Slots: []int{1, 1}, Wide: true, Frames: 4,
			Memory: []string{"f2 0 f3:PW"}, Ops: []string{"ucr3", "iret"}, Flags: []string{"P"}, Profile: ideal}, 0},
		{"frames", "frames that are given back, given away and obtained", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"mu", "pin", "unpin", "release", "give", "obtain", "kill"}, Flags: []string{"P", "PW"}, Profile: ideal}, 5},
		{"others", "frames of the hypervisor's own, shared ones and the list of frames", Options{Slots: []int{1, 1}, Frames: 3,
			Extra: []model.ExtraKind{model.SharedInfo, model.XenOwned}, Ops: []string{"mu", "pin", "unshare", "m2p", "kill"},
			Flags: []string{"P", "PW"}, Profile: ideal}, 4},
		{"grants", "mappings of other domains, and grants mapped into tables", Options{Slots: []int{1, 2}, Frames: 4, StaleTLB: true,
			Memory: []string{"f1 0 f2:P", "f1 1 f2:P"}, Ops: []string{"mu", "pin", "lend", "unlend", "unlend-device", "grant-pte", "give", "obtain"},
			Flags: []string{"P"}, Targets: []int{2, 3}, Profile: ideal}, 4},
		{"devices", "a device that writes to what it was allowed to once", Options{Slots: []int{1, 1}, Frames: 3, StaleTLB: true,
			Ops: []string{"assign", "release", "obtain", "mu", "pin"}, Flags: []string{"P", "PW"}, Profile: ideal}, 4},
		{"descriptors", "descriptor tables, and what another domain puts into them", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"gdt", "gdt-none", "give", "obtain", "other"}, Flags: []string{"P"}, Targets: []int{},
			Words: []string{"0x8f0000000000"}, Profile: ideal}, 0},
		{"wild", "addresses and pointers that no guest should name", Options{Slots: []int{1, 1}, Frames: 4,
			Ops: []string{"mu", "uva", "uva-wild", "result"}, Flags: []string{"P"}, Profile: ideal}, 4},
		{"race", "two processors in the hypervisor: one pins, the other maps and writes", Options{Slots: []int{1, 1}, Frames: 3,
			Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Ops: []string{"uva", "touch", "pin"}, Flags: []string{"PW"}, Targets: []int{2},
			Stopped: []string{"pin"}, Beside: []string{"uva", "touch"}, BesideLen: 3, Profile: xen}, 3},
		{"race-end", "two processors: one pins, the other unpins or destroys the guest", Options{Slots: []int{1, 1}, Frames: 3,
			Ops: []string{"pin", "kill"}, Flags: []string{"P"}, Stopped: []string{"pin"}, Beside: []string{"kill", "unpin"}, Profile: xen}, 0},
		{"race-update", "two processors: one updates a table that the other unpins", Options{Slots: []int{1, 1}, Frames: 4,
			Memory: []string{"f2 0 f3:P"}, Ops: []string{"pin", "unpin", "kill"}, Flags: []string{"P"}, Targets: []int{3},
			Stopped: []string{"mu"}, Beside: []string{"unpin"}, Profile: xen}, 4},
	}
}

// nestedGuest has an L3 whose entries name an L2 with two L1s and the builder's
// L2.
func nestedGuest(p *model.Profile) Options {
	return Options{Slots: []int{2, 2, 1}, Frames: 6, Interrupts: 3, Flags: []string{"P"}, Profile: p,
		Memory: []string{"f3 0 f4:P", "f3 1 f1:P", "f4 0 f2:P", "f4 1 f5:P"},
		Ops:    []string{"pin", "pin-part", "pin-late", "unpin", "unpin-part", "finish", "kill"}}
}

// interruptedGuest has an L2 with two L1s.
func interruptedGuest(p *model.Profile) Options {
	return Options{Slots: []int{2, 1}, Frames: 4, Interrupts: 2, Flags: []string{"P"}, Profile: p,
		Memory: []string{"f2 0 f1:P", "f2 1 f3:P"},
		Ops:    []string{"pin", "pin-part", "unpin", "unpin-part", "finish", "kill"}}
}

// FindScope returns the scope with a name.
func FindScope(name string) (Scope, bool) {
	for _, s := range Scopes() {
		if s.Name == name {
			return s, true
		}
	}
	return Scope{}, false
}
