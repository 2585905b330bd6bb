package model

import "fmt"

// Type is what a hypervisor allows a frame to be used as. A frame has one type
// at a time; it can change only while nobody uses it (type count 0).
// Xen: PGT_* in asm/mm.h.
type Type uint8

// Frame types. TypeL1 to TypeL4 are consecutive, so TypeL1+Type(n-1) is the
// type of a level-n table.
const (
	TypeNone Type = iota
	TypeL1
	TypeL2
	TypeL3
	TypeL4
	TypeSegDesc  // GDT or LDT
	TypeShared   // shared with other domains
	TypeWritable // mapped writable
	numTypes     = iota
)

// TableType returns the type of a table of the given level, 1 to 4.
func TableType(level int) Type { return TypeL1 + Type(level-1) }

// Level returns the level of a table type, 0 for the other types.
func (t Type) Level() int {
	if t >= TypeL1 && t <= TypeL4 {
		return int(t-TypeL1) + 1
	}
	return 0
}

// String returns Xen's short name of the type.
func (t Type) String() string {
	return [...]string{"none", "L1", "L2", "L3", "L4", "desc", "shared", "W"}[t]
}

// FrameInfo is the hypervisor's record of one machine frame (Xen: struct
// page_info).
type FrameInfo struct {
	Typ   Type
	Flags FrameFlags
	// Linear counts same-level entries: positive, how many this table holds;
	// negative, in how many tables of its level it is used.
	Linear int16
	T      uint32 // type count: uses of the frame as Typ
	G      uint32 // general count: references of any kind; 0 means free
	// Stamp is the TLB clock when T last fell to 0.
	Stamp uint32
	// Entries below NrValid hold references while Partial is set.
	NrValid uint16
	// Forgotten are the references that the hypervisor is known to have forgotten,
	// ForgottenUses those of them that are uses as Typ, too; see xen_forgotten.go.
	Forgotten, ForgottenUses uint16

	_ uint16 // a multiple of eight bytes is copied without overlap
}

// FrameFlags are the yes/no parts of a FrameInfo.
type FrameFlags uint8

// Frame flags.
const (
	// Allocated: the owner still has the page; worth one general reference.
	Allocated FrameFlags = 1 << iota
	// Validated: the contents have been audited for Typ.
	Validated
	// Pinned: the guest holds the type; worth one type and one general reference.
	Pinned
	// PAEXenL2 marks the L2 that carries Xen's private slots of a PAE guest; it
	// is part of the type.
	PAEXenL2
	// Partial: validation or release stopped midway.
	Partial
	// PartialEntry: the entry at NrValid holds a general reference.
	PartialEntry
	// GivenAway: another domain owns the frame for the time being.
	GivenAway
	// ForDevice: the guest's device can write to it.
	ForDevice
)

// Is reports whether all the given flags are set.
func (i *FrameInfo) Is(f FrameFlags) bool { return i.Flags&f == f }

// InUseAs reports whether somebody uses the frame as type t.
func (i *FrameInfo) InUseAs(t Type) bool { return i.T > 0 && i.Typ == t }

// String says what the frame is, such as "L1 x1 pinned".
func (i *FrameInfo) String() string {
	text := "unused"
	if i.T > 0 {
		text = fmt.Sprintf("%v x%d", i.Typ, i.T)
	}
	if i.Is(Pinned) {
		text += " pinned"
	}
	if i.Is(Partial) {
		text += " partly validated"
	}
	return text
}
