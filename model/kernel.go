package model

// Kernel is what the kernel under test and its backend remember between calls.
// Backends hold no state of their own: whatever is not here does not exist.
type Kernel struct {
	Phase Phase
	// BootmemNext is the frame that the boot allocator hands out next.
	BootmemNext PFN
	// InitMM is init_mm.pgd, the root that lookup_address walks; NoFrame before
	// there is one.
	InitMM Frame
	// XenCR3 is the backend's record of the CR3 it asked for (per-CPU xen_cr3).
	XenCR3 Frame
	// SetPTE and AllocPT say which implementation of these hooks is live.
	SetPTE, AllocPT Variant
	// Global says that __PAGE_KERNEL has picked up _PAGE_GLOBAL.
	Global bool
	// SharedMapped says that HYPERVISOR_shared_info points into the fixmap.
	SharedMapped bool
	// Second is the root of a second address space, NoFrame while there is none.
	Second Frame
	// SecondPinned is PagePinned of the second root.
	SecondPinned bool
	// Buffer belongs to later kernels; see [EarlyMap].
	Buffer TableBuffer
	// Life is what a booted kernel remembers besides.
	Life Life
}

// Phase is how far the boot protocol has come.
type Phase uint8

// Phases, in order.
const (
	PhaseBoot    Phase = iota // on the start-of-day tables
	PhaseStarted              // setup_start has returned; construction goes on
	PhaseDone                 // setup_done has returned
	PhaseLoaded               // the root is loaded
	PhaseZapped               // low mappings are gone
)

// String returns a short lower-case name.
func (p Phase) String() string {
	return [...]string{"boot", "started", "done", "loaded", "zapped"}[p]
}

// Variant selects one of a hook's implementations: a backend may use a special
// one while the initial tables are under construction.
type Variant uint8

// Variants of a hook.
const (
	VariantNone Variant = iota // not set: calling the hook is a null call
	VariantInit                // during construction of the initial tables
	VariantLate                // from setup_done on
)

// Call is a call of the boot protocol with its range. A system makes one call
// a transition; invariants may depend on which one is in progress.
type Call struct {
	Kind CallKind
	// From and To bound the frames that CallMap and CallMapRange map: [From, To).
	// Of CallLoadRoot and CallSwitch, From is the root asked for; of CallFixmap and
	// CallAlias, the frame to map at fixmap index Index, writable or read-only.
	From, To PFN
	Index    int
	// Start and End bound the addresses of CallRange, both modulo the address
	// space.
	Start, End VA
}

// CallKind names the calls of the boot protocol.
type CallKind uint8

// The calls.
const (
	CallNone       CallKind = iota
	CallSetupStart          // the backend's setup_start and the CPU features
	CallMap                 // map leaves of low memory
	CallRange               // create empty tables for a range
	CallFixmap              // write a fixmap leaf
	CallAlias               // map a frame a second time, early
	CallSetupDone           // end of construction
	CallLoadRoot
	CallZap
	CallPgdAlloc // a second address space that shares the kernel's
	CallActivate
	CallSwitch
	CallExit

	// Calls of later kernels; see [EarlyMap].
	CallIoremapInit // the table behind early_ioremap
	CallEarlyRemap  // early_ioremap of a frame
	CallEarlyUnmap
	CallFindTables // reserve a table buffer for a range
	CallMapRange   // extend the direct map by a range
	CallKmapInit   // tables for the whole fixmap, in a row for kmap_atomic
	CallReserve    // keep the used part of the buffer, hand back the rest
	CallAllocPage  // a page of data from the boot allocator
	CallKmap       // kmap_atomic of a frame
	CallTopStart   // top-down mapping: the range that is always mapped
	CallTopStep    // one step down
	CallTopEnd     // what lies above the first step
	CallMemMap     // the array of page structs
	CallFreeP2M    // give up the builder's list of machine frames
	CallFreeInitrd // give up what the loader has put into memory
	CallBalloonUp
	CallVmap       // map a new page in the vmalloc area
	CallDumpTables // walk all tables, as ptdump does
	CallMMAlloc    // life: an address space for a new program
	CallMMFork     // a copy of the current process
	CallMMPopulate // a page of a new program that does not run yet
	CallMMActivate // a new program's address space comes into use
	CallMMSwitch
	CallMMExit
	CallTouch     // the current process stores to a page
	CallUnmap     // munmap of a page
	CallProtNone  // mprotect with no rights
	CallUnprotect // mprotect with all rights
	CallSwapOut
	CallVmalloc
	CallVfree
	CallVTouch // an access to the vmalloc area
	CallVSync  // vmalloc_sync_all
	CallVArea  // alloc_vm_area, and a hypercall for what it returned
	CallKmapHigh
	CallKunmapHigh
	CallLazyEnter
	CallLazyLeave
	CallGDTLoad
	CallLDTLoad
	CallLDTUse
	CallLDTFree
	CallSuspend
	CallResume
	NumCalls
)

// String returns the call's name in scenario files.
func (c CallKind) String() string {
	return [...]string{"none", "setup_start", "map_lowmem", "range", "fixmap", "alias", "setup_done",
		"load_root", "zap", "pgd_alloc", "activate", "switch", "exit",
		"ioremap_init", "early_ioremap", "early_iounmap", "find_tables", "map_range", "kmap_init", "reserve",
		"alloc_page", "kmap", "top_start", "top_step", "top_end", "mem_map", "free_p2m", "free_initrd", "balloon_up", "vmap", "ptdump",
		"mm_alloc", "mm_fork", "mm_populate", "mm_activate", "mm_switch", "mm_exit", "touch", "unmap", "prot_none", "unprotect",
		"swap_out", "vmalloc", "vfree", "vmalloc_touch", "vmalloc_sync", "vm_area", "kmap_high", "kunmap_high", "lazy_enter", "lazy_leave",
		"gdt_load", "ldt_load", "ldt_use", "ldt_free", "suspend", "resume"}[c]
}
