package model

// Layout is everything about a machine that no transition changes: the
// geometry, the frame numbers, and where kernel and hypervisor keep their
// things. Many states share one Layout.
type Layout struct {
	// Geo is the geometry that the kernel builds for and ends up running in.
	Geo *Geometry
	// Boot is the geometry that the CPU walks until PAE is switched on; nil
	// when the machine starts in Geo.
	Boot *Geometry
	Map  *PhysMap
	// Kernel says where the kernel under test keeps what the protocol needs.
	Kernel KernelMap
	// Hyper describes the hypervisor; nil on bare metal.
	Hyper *Hyper
	// Early is what a kernel of 2.6.39 or later starts from; nil for 2007's.
	Early *EarlyMap
	// Life are the constants of life after boot; nil where only the boot matters.
	Life *LifeMap
	// Encrypt is the bit of present entries, among those of the frame number, that has
	// the memory controller decrypt what they name (AMD APM vol. 2, 7.10: the C-bit of
	// SME); it is no part of the frame number. 0: there is none.
	Encrypt Entry
	// Devices are the machine frames of bare metal that devices answer: leaf entries may
	// name them. Those of a guest are in Hyper.Regions.
	Devices []Region
	// AccessBits makes [Machine.Access] keep accessed and dirty bits in the
	// tables, as real processors do.
	AccessBits bool
	// SMP gives the machine a second processor, which is off until
	// [State.StartProcessor].
	SMP bool
}

// KernelMap holds the kernel's link-time and command-line constants, as far as
// page-table construction depends on them.
type KernelMap struct {
	PageOffset VA  // PAGE_OFFSET: frame p of low memory lies at PageOffset + p*4096
	MaxLowPFN  PFN // max_low_pfn: first frame beyond low memory
	TextEnd    VA  // __init_end: last address that counts as kernel text
	Root       PFN // swapper_pg_dir
	ZeroPage   PFN // empty_zero_page
	// BootmemFirst is the first frame that the boot allocator hands out.
	BootmemFirst PFN
	// Tables are frames of the kernel's image that are set aside for tables (such as
	// level1_fixmap_pgt of head_64.S); empty: none.
	Tables FrameRange

	FixTop    VA  // FIXADDR_TOP: fixmap index i lies at FixTop - i*4096
	NrFixed   int // __end_of_fixed_addresses: number of fixmap indexes
	Highmem   bool
	PkmapBase VA  // PKMAP_BASE
	LastPkmap int // LAST_PKMAP: number of pkmap slots

	// Spare is a frame of low memory that never becomes a table: what the fixmap
	// call of a search maps. Root stands for none.
	Spare PFN

	HasPSE, HasPGE bool // CPU features as the kernel sees them (CPUID)
	NX             bool // EFER.NXE is on before page-table setup

	// Xen only.
	PTBase        PFN // start_info.pt_base: the root of the builder's tables
	SharedInfo    MFN // start_info.shared_info >> PageShift
	FixSharedInfo int // FIX_PARAVIRT_BOOTMAP: fixmap index of shared_info
}

// VA returns the direct-map address of a physical address: the kernel's __va.
func (l *Layout) VA(pa PA) VA { return l.Geo.Wrap(l.Kernel.PageOffset + VA(pa)) }

// PA returns the physical address of a direct-map address: the kernel's __pa.
// The result is meaningful for direct-map addresses only.
func (l *Layout) PA(va VA) PA { return PA(l.Geo.Wrap(va - l.Kernel.PageOffset)) }

// Phys returns the physical address of a page, as the kernel has it in the values that it
// makes entries of: pseudo-physical for a guest, the bus's on bare metal. The model
// numbers pages without holes ([IdentityMapHigh]).
func (l *Layout) Phys(pfn PFN) PA {
	if l.Hyper != nil || !l.Map.IsGuest(Frame(pfn)) {
		return pfn.PA()
	}
	return PFN(l.Map.MFN(Frame(pfn))).PA()
}

// Page is the reverse of Phys. Where there is no memory it is a number that no page has.
func (l *Layout) Page(pa PA) PFN {
	if l.Hyper != nil {
		return pa.PFN()
	}
	if f := l.Map.Frame(MFN(pa.PFN())); f != NoFrame {
		return PFN(f)
	}
	return max(pa.PFN(), PFN(l.Map.Frames()))
}

// Names is the machine frame number that an entry of the machine names.
func (l *Layout) Names(e Entry) MFN { return (e &^ l.Encrypt).MFN() }

// IsDevice reports whether a machine frame belongs to a device that the kernel may
// map.
func (l *Layout) IsDevice(m MFN) bool {
	if l.Hyper != nil {
		k := l.Hyper.region(m)
		return k == Device || k == DeviceReadOnly
	}
	for _, r := range l.Devices {
		if m >= r.First && m <= r.Last {
			return r.Kind == Device || r.Kind == DeviceReadOnly
		}
	}
	return false
}

// UserSlots is the number of root slots below PAGE_OFFSET: the kernel's
// USER_PTRS_PER_PGD.
func (l *Layout) UserSlots() int { return l.Geo.Index(l.Kernel.PageOffset, l.Geo.Root()) }

// Fix returns the address of a fixmap index: the kernel's __fix_to_virt.
func (l *Layout) Fix(index int) VA { return l.Geo.Wrap(l.Kernel.FixTop - VA(index)<<PageShift) }

// words is the number of 64-bit words kept of each table frame.
func (l *Layout) words() int {
	w := l.Geo.Words()
	if l.Boot != nil {
		w = max(w, l.Boot.Words())
	}
	return w
}
