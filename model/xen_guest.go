package model

import (
	"fmt"
	"slices"
)

// GuestKind is what kind of domain a guest is, as far as the rules for its tables
// differ.
type GuestKind uint8

// Kinds of guests.
const (
	// AnyGuest is a guest without devices whose stores to leaf tables are carried out
	// and whose absent entries nobody looks at: a domain of any kind whose kernel has
	// asked for table stores, on a processor without flaws.
	AnyGuest GuestKind = iota
	// Dom0 is the hardware domain.
	Dom0
	// DomU is a domain without privileges and devices, on a processor with the flaw
	// L1TF.
	DomU
	// DomUNoL1TF is the same on a processor without the flaw.
	DomUNoL1TF
)

// guestKinds are their names. It is never written to.
var guestKinds = [...]string{"any", "dom0", "domU", "domU-nol1tf"}

// String is the kind's name in scenario files.
func (k GuestKind) String() string { return guestKinds[k] }

// ParseGuestKind returns the kind with a name.
func ParseGuestKind(name string) (GuestKind, error) {
	for k, n := range guestKinds {
		if n == name {
			return GuestKind(k), nil
		}
	}
	return 0, fmt.Errorf("no kind of guest is named %q; there are %v", name, GuestKinds())
}

// GuestKinds are the names of all kinds.
func GuestKinds() []string { return slices.Clone(guestKinds[:]) }

// Describe sets what a hypervisor allows a guest of the kind.
func (k GuestKind) Describe(h *Hyper) {
	h.Devices = k == Dom0
	h.StoresOnRequest = k == DomU || k == DomUNoL1TF
	h.L1TF = k == DomU
}
