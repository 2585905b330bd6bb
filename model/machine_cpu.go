package model

// CPU is the paging state of a processor.
type CPU struct {
	// CR3 is the frame of the root table in use.
	CR3 Frame
	// RootSlot is the slot of that frame in which the root begins: a PAE root has 32
	// bytes, and a later kernel has several in a frame.
	RootSlot int
	// UserCR3 is the second root of a 64-bit guest, NoFrame when there is none
	// (Xen: v->arch.guest_table_user).
	UserCR3 Frame
	CR4     CR4
	// NXE is EFER.NXE: bit 63 of entries means no-execute. While it is off, the
	// bit is reserved.
	NXE bool
	// WP is CR0.WP: supervisor stores honour read-only entries.
	WP bool
}

// CR4 are the paging bits of control register 4, at their architectural
// positions.
type CR4 uint32

// CR4 bits.
const (
	CR4PSE CR4 = 1 << 4
	CR4PAE CR4 = 1 << 5
	CR4PGE CR4 = 1 << 7
)
