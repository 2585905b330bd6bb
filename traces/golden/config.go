package golden

import "reflect"

// Flavour says which kernel flavour a configuration is for.
type Flavour string

// The two flavours.
const (
	Native Flavour = "native"
	Xen    Flavour = "xen"
)

// Mode is the page-table format.
type Mode string

// The two modes: TwoLevel has 4-byte entries, 1024 per table; PAE has 8-byte
// entries, 4 in the root and 512 in every other table.
const (
	TwoLevel Mode = "2level"
	PAE      Mode = "pae"
)

// Config is everything the outcome of a boot depends on. A Config returned by
// this package has passed every check of [Config.Validate].
type Config struct {
	Flavour Flavour
	Mode    Mode

	// PageOffset is PAGE_OFFSET: lowmem pfn p is at VA PageOffset + p*4096.
	PageOffset uint64
	// PSE, PGE and NX are CPU features. NX is ignored in TwoLevel.
	PSE, PGE, NX bool
	// MaxLowPFN is the number of lowmem frames (first frame beyond).
	MaxLowPFN uint64
	// InitEnd is the end of the executable range, a VA. The range starts at
	// PageOffset and both ends are inclusive.
	InitEnd uint64
	// SwapperPgDir and EmptyZeroPage are PAs in bytes, page aligned.
	SwapperPgDir, EmptyZeroPage uint64
	// BootmemFirstPFN is the first frame the bootmem allocator hands out.
	BootmemFirstPFN uint64
	// FixaddrTop is FIXADDR_TOP: fixmap slot i is at VA FixaddrTop - i*4096.
	FixaddrTop uint64
	// NrFixed is the number of fixmap slots.
	NrFixed int
	// Highmem says that pkmap tables are built, LastPkmap how many slots.
	Highmem   bool
	LastPkmap int
	// PkmapBaseOverride, if not nil, is the pkmap base (a VA) to use in
	// place of the derived one.
	PkmapBaseOverride *uint64
	// ZapLowMappings says that the low mappings are zapped after the switch
	// of the root.
	ZapLowMappings bool

	// PG0 is the PA of the first boot table (native only).
	PG0 uint64
	// InitMapBeyondEnd is the slack of the boot mapping in bytes (native
	// only).
	InitMapBeyondEnd uint64

	// FixParavirtBootmap is the fixmap slot of the shared info page (Xen
	// only).
	FixParavirtBootmap int
	// SharedInfoMachine is the machine address of the shared info page in
	// bytes (Xen only).
	SharedInfoMachine uint64
	// P2M, SOD and HypervisorL2 are zero values for native.
	P2M          P2M
	SOD          SOD
	HypervisorL2 HypervisorL2
}

// SOD describes the start-of-day tables a Xen domain builder left behind.
type SOD struct {
	FirstPFN uint64
	// L3PFN is the root frame; unused (0) in TwoLevel.
	L3PFN uint64
	// L2PFNs are in order of use. In TwoLevel the only one is the root.
	L2PFNs []uint64
	// L1PFNs: L1 number i maps pfns i*512.. (TwoLevel: i*1024..).
	L1PFNs []uint64
	// MapEnd is a PA in bytes: the pfns below are mapped at PageOffset.
	MapEnd uint64
	// L1Flags, L2Flags and L3Flags are or-ed into the entries of each level.
	L1Flags, L2Flags, L3Flags uint64
	// ExtraL2ForSlot3 puts the last of L2PFNs, otherwise empty, into slot 3.
	ExtraL2ForSlot3 bool
}

// Frames returns all start-of-day frames: the L3 (PAE only), the L2s, the L1s.
func (s *SOD) Frames(mode Mode) []uint64 {
	out := make([]uint64, 0, 1+len(s.L2PFNs)+len(s.L1PFNs))
	if mode == PAE {
		out = append(out, s.L3PFN)
	}
	out = append(out, s.L2PFNs...)
	return append(out, s.L1PFNs...)
}

// HypervisorL2 describes the part of the L2 of root slot Slot that belongs to
// the hypervisor: indices >= FirstIndex. Entries are present at start.
type HypervisorL2 struct {
	Slot       int
	FirstIndex int
	Entries    []Entry
}

// Equal reports whether both configurations are the same in every value.
func (c *Config) Equal(d *Config) bool { return reflect.DeepEqual(c, d) }
