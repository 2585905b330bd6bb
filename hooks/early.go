package hooks

import "github.com/ptcheck/ptcheck/model"

// EarlyOps are the hooks that later kernels have besides those of 2007.
type EarlyOps struct {
	// MemorySetup reserves what the platform has put into memory.
	MemorySetup func(k *Kernel)
	// PagetableReserve keeps the tables [from, to) of the buffer and hands back the
	// rest of it (x86_init.mapping.pagetable_reserve, Linux 279b706b).
	PagetableReserve func(k *Kernel, from, to model.PFN)
	// FreeP2M gives up the builder's list of machine frames, BalloonUp fills the
	// extra memory; nil on bare metal.
	FreeP2M   func(k *Kernel)
	BalloonUp func(k *Kernel)
}

// EarlyFuncs are the generic functions of later kernels, as a table like
// [Funcs].
type EarlyFuncs struct {
	// Range and FindTables choose what is mapped and where its tables come from;
	// ReserveTables ends the use of the buffer.
	Range         func(k *Kernel, n int) model.FrameRange
	FindTables    func(k *Kernel, r model.FrameRange)
	ReserveTables func(k *Kernel)

	// AllocLowPage takes a frame for a table and opens it. OpenTable and CloseTable
	// make a table accessible for a while.
	AllocLowPage func(k *Kernel) (table model.VA, pfn model.PFN)
	OpenTable    func(k *Kernel, pfn model.PFN) model.VA
	CloseTable   func(k *Kernel, table model.VA)
	EarlyIounmap func(k *Kernel, va model.VA)

	// Pieces splits a range, PhysMapping maps a piece. ClearBeyond empties what lies
	// behind it in its last tables. MapLargePages writes a large page of a 32-bit
	// kernel, in pass 1 or 2.
	Pieces        func(k *Kernel, r model.FrameRange) [3]Piece
	PhysMapping   func(k *Kernel, from, to model.PFN, large bool)
	ClearBeyond   func(k *Kernel, level int, table model.VA, from model.PFN)
	MapLargePages func(k *Kernel, pmd model.VA, pfn model.PFN, pass int)

	// KmapCheck replaces a fixmap table that is in kmap_atomic's way.
	KmapCheck func(k *Kernel, table, pmd, va model.VA, next model.PFN) model.VA

	// FirstStep and SetMinMapped belong to top-down mapping.
	FirstStep    func(k *Kernel) model.PFN
	SetMinMapped func(k *Kernel, pfn model.PFN)

	// FreeInitrd gives up what the loader has put into memory.
	FreeInitrd func(k *Kernel)

	P2MEnd    func(k *Kernel) model.PFN
	GuardHole func(k *Kernel) (first, last int)
}

// GenericEarly returns the original functions of Linux 2.6.39, or of 3.8 where
// those map top-down.
func GenericEarly() EarlyFuncs {
	return EarlyFuncs{
		FindTables:    FindEarlyTableSpace,
		AllocLowPage:  AllocLowPage,
		OpenTable:     MapLowPage,
		CloseTable:    UnmapLowPage,
		PhysMapping:   PhysMapping,
		KmapCheck:     PageTableKmapCheck,
		ClearBeyond:   ClearBeyond,
		Pieces:        SplitRange,
		Range:         MappingRange,
		EarlyIounmap:  EarlyIounmap,
		FirstStep:     FirstStep,
		SetMinMapped:  SetMinMapped,
		FreeInitrd:    FreeInitrd,
		P2MEnd:        P2MEnd,
		GuardHole:     GuardHole,
		ReserveTables: ReserveTables,
		MapLargePages: MapLargePages,
	}
}

// MappingRange is range n of those that the direct map is extended by: low
// memory, then memory above the hole (Linux: setup_arch).
func MappingRange(k *Kernel, n int) model.FrameRange { return k.early().Ranges[n] }

// P2MEnd is the first frame behind the builder's list of machine frames.
func P2MEnd(k *Kernel) model.PFN { return k.early().P2M.To }

// GuardHole are the root slots that belong to a hypervisor (GUARD_HOLE_BASE_ADDR;
// Linux 16877a55).
func GuardHole(k *Kernel) (first, last int) { return k.early().GuardFirst, k.early().GuardLast }

// populate tells the backend of a new table and links it below an entry of the
// given level (pgd_populate to pmd_populate_kernel).
func (k *Kernel) populate(level int, entry model.VA, pfn model.PFN) {
	if level == 2 {
		k.AllocPT(pfn)
	} else {
		k.AllocPD(pfn)
	}
	k.SetUpper(level, entry, k.make(level, uint64(pfn.PA())|uint64(k.upperFlags(level))))
}

// Touch reads the struct page of a frame, as whatever keeps notes there does. It
// faults while there are none.
func Touch(k *Kernel, pfn model.PFN) {
	if base := k.early().Vmemmap; base != 0 {
		k.M.Load(k.geo().Wrap(base+model.VA(pfn)*pageStruct)&^(model.PageSize-1), 8) // any word of that page
	}
}
