package model

// EarlyMap says what kernels of 2.6.39 and later know of a machine before they
// extend the direct map: the memory map and the places that construction uses.
// It never changes. A Layout of the 2007 protocol has none.
type EarlyMap struct {
	// RAM are the ranges of ordinary memory (E820_RAM), ascending. Extra is listed
	// as RAM too, but holds no machine frames until the guest balloons up.
	RAM   []FrameRange
	Extra FrameRange
	// Ranges are what init_memory_mapping is asked to map, ascending: low memory,
	// and memory above the hole below 4 GiB.
	Ranges []FrameRange
	// Mapped is the first frame that the start-of-day tables do not map.
	Mapped PFN
	// Image is where the kernel image and its static tables end, Brk the memory
	// set aside behind it (_brk_start to _brk_limit).
	Image PFN
	Brk   FrameRange
	// DirectEnd ends the address space set aside for the direct map.
	DirectEnd VA
	// Window is the first fixmap index of early_ioremap's slots (FIX_BTMAP), Windows
	// their number.
	Window, Windows int
	// Kmap is the first fixmap index of kmap_atomic (FIX_KMAP_BEGIN), Kmaps the
	// number of indexes; 0 without high memory.
	Kmap, Kmaps int
	// Vmemmap is the address of the array of page structs; 0 if it lies in the
	// direct map.
	Vmemmap VA
	// Vmalloc is where the vmalloc area begins.
	Vmalloc VA
	// GuardFirst and GuardLast are the root slots of the hole at the beginning of
	// the kernel's addresses, which hypervisors use; none if both are 0.
	GuardFirst, GuardLast int
	// ISAEnd, PageBuf and StepShift belong to top-down mapping: the end of the range
	// that is always mapped, the table frames taken from the brk, and log2 of the
	// factor by which a step grows.
	TopDown   bool
	ISAEnd    PFN
	PageBuf   int
	StepShift uint
	// Brim says that the free memory just fits the table buffer: nobody takes a page before
	// that has been found.
	Brim bool

	// Initrd is what the loader has put into memory for the kernel to read once, such as
	// an initrd or modules; InitrdBase is where the start-of-day tables map it besides the
	// direct map. Empty: there is none.
	Initrd     FrameRange
	InitrdBase VA

	// Xen only: where the builder's tables lie (start_info.nr_pt_frames from
	// pt_base on), the list of machine frames with the tables that map it
	// (first_p2m_pfn, nr_p2m_frames), and the address it is mapped at.
	NrPTFrames int
	P2M        FrameRange
	P2MBase    VA
	// BrkTables says that the kernel's copies of the builder's tables come from the brk
	// (initial_kernel_pmd of 32-bit kernels), else from its image.
	BrkTables bool
}

// FrameRange is a range of frames: [From, To).
type FrameRange struct{ From, To PFN }

// Has reports whether a frame is in the range.
func (r FrameRange) Has(p PFN) bool { return p >= r.From && p < r.To }

// Len is the number of frames.
func (r FrameRange) Len() int { return int(r.To - r.From) }

// IsRAM reports whether a frame is ordinary memory that the machine has from the
// start of the day on.
func (e *EarlyMap) IsRAM(p PFN) bool {
	for _, r := range e.RAM {
		if r.Has(p) {
			return true
		}
	}
	return false
}

// Listed reports whether the memory map calls a frame RAM.
func (e *EarlyMap) Listed(p PFN) bool { return e.IsRAM(p) || e.Extra.Has(p) }
