package model

// L1TF (CVE-2018-3620): a processor with this flaw looks the address of an entry
// up in its first-level cache before it sees that the entry is absent. What it
// finds there can be leaked. A guest without privileges must therefore not write
// an absent entry whose address may be that of memory. Xen ends a guest that does,
// or shadows its tables from then on, if it was built for that; here it is not
// (Xen: pv_l1tf_check_pte, and XSA-273).

// The processor is one of Intel's of 2011 to 2018, such as QEMU's Haswell (Xen:
// l1tf_calculations).
const (
	// cachedAddress are the bits of an address that the cache looks at.
	cachedAddress = Entry(1<<46-1) &^ (PageSize - 1)
	// safeAddress is the first address that no memory has: as far as the processor
	// can address any.
	safeAddress = Entry(1 << 40)
)

// namesMemory reports whether an absent entry may leak memory: its address is that
// of some, frame 0 aside, which holds nothing secret, or it has the size bit of an
// upper entry, which a processor heeds as early as the address (Xen:
// is_l1tf_safe_maddr, pv_l1tf_check_pte).
func namesMemory(level int, e Entry) bool {
	a := e & cachedAddress
	return a != 0 && a < safeAddress || level > 1 && e.Is(PSE)
}

// vulnerable reports whether an absent entry ends the guest.
func (s *State) vulnerable(by Path, level int, e Entry) bool {
	if !s.rules.l1tf {
		return false
	}
	right := namesMemory(level, e)
	if s.rules.mutant.Leaks != nil {
		return s.rules.mutant.Leaks(by, level, e, right)
	}
	return right
}

// leaks ends the guest if an absent entry, written or found in a table that is
// audited, may leak memory.
func (s *State) leaks(by Path, level int, e Entry) bool {
	if !s.vulnerable(by, level, e) {
		return false
	}
	s.dealings.ended = true
	return true
}

// Revive forgets that the guest was ended, for taking an operation back.
func (s *State) Revive() { s.dealings.ended = false }

// StrictM2P reports whether Xen's list of frames is kept from user mode.
func (s *State) StrictM2P() bool { return s.strictM2P }

// StoresOff reports whether stores to leaf tables are page faults, because the guest
// has not asked for them to be carried out.
func (s *State) StoresOff() bool { return s.storesOff }

// Ended reports whether the hypervisor has ended the guest. It never runs again
// (Xen: domain_crash).
func (s *State) Ended() bool { return s.dealings.ended }
