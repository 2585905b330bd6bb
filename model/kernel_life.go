package model

// LifeMap are the constants of a kernel that has booted: what its processes, its
// vmalloc area and its kmaps use. A layout without one is that of a boot alone.
type LifeMap struct {
	// MMs is the number of processes that there may be at a time, at most MaxMM.
	MMs int
	// Pages are the pages of user address space that processes use.
	Pages []VA
	// Vmalloc is the page of the vmalloc area that is used (VMALLOC_START).
	Vmalloc VA
	// KmapPTE and KmapPage are the fixmap indexes of the atomic kmaps for leaf
	// tables and for other pages (FIX_KMAP_BEGIN + KM_PTE0, KM_USER0).
	KmapPTE, KmapPage int
	// HighPTE says that leaf tables of processes may lie in high memory
	// (CONFIG_HIGHPTE).
	HighPTE bool
	// Calls are the calls that are made, by kind, as bits.
	Calls uint64
	// LazyVmap says that what has left the vmalloc area may stay cached, its page free,
	// until its address is used again (Linux db64fe02258f, 2.6.28: the flush is put off
	// until addresses are purged).
	LazyVmap bool
	// Small is the index of the process, if any, that is a 32-bit task of a 64-bit
	// kernel, and TaskSize where its address space ends; Small -1: none.
	Small    int
	TaskSize VA
}

// MaxMM is the largest number of processes.
const MaxMM = 3

// MaxQueue is how many updates the kernel can hold back in lazy mode.
const MaxQueue = 8

// MM is an address space of a process (Linux: struct mm_struct).
type MM struct {
	Root Frame // mm->pgd; NoFrame: there is no such process
	User Frame // the root for user mode of a 64-bit guest of Xen, else NoFrame
	// Ready says that it has been activated or forked: it may be switched to.
	Ready bool
	// Leaving says that the pages are not to be found by way of their users any
	// more: the process is about to give up its tables (anon_vma_unlink). When a call
	// ends it says no more than Dead.
	Leaving bool
	// Dead says that its process has ended, and only the root is left because a
	// processor still borrows it (mm_users 0, mm_count not).
	Dead bool
}

// LifeCPU is what the kernel remembers for each processor.
type LifeCPU struct {
	// Current is the process whose address space is in use or borrowed
	// (active_mm), -1 for init_mm.
	Current int8
	// Prev is the process that a switch under way comes from, -1 between switches.
	Prev int8

	Lazy    LazyMode
	Queued  int8 // number of updates held back
	Queue   [MaxQueue]MMUItem
	Pending Frame // root whose load is held back, NoFrame if none is
}

// LazyMode says which updates the kernel may hold back (Linux:
// enum paravirt_lazy_mode).
type LazyMode uint8

// Lazy modes.
const (
	LazyNone LazyMode = iota
	LazyMMU           // updates of entries
	LazyCPU           // loads of CR3
)

// Life is what a booted kernel remembers. All of it is zero, apart from what
// [Life.Reset] sets, unless the layout has a LifeMap.
type Life struct {
	Free   FrameSet // frames that the page allocator has to give
	Pinned FrameSet // PagePinned: tables that the kernel keeps read-only
	List   FrameSet // roots on pgd_list
	// Saved are the roots that were pinned for a suspension alone (PageSavePinned).
	Saved FrameSet
	// Refs counts the users of a page beyond the first (page_count - 1).
	Refs RefCounts

	MM  [MaxMM]MM
	CPU [2]LifeCPU

	VPage Frame // page mapped in the vmalloc area, NoFrame if none is
	LDT   int8  // the process whose LDT is the vmalloc page, -1 if it is none's
	// Kmap is the page in the pkmap slot, NoFrame if it is empty; KmapCount is
	// pkmap_count: 1 says mapped but not used by anybody.
	Kmap      Frame
	KmapCount uint8
	// Suspended says that the guest is between suspend and resume.
	Suspended bool
	// Synced says that vmalloc_sync_all has ended with the vmalloc area's table in
	// place: no address space may lack it from then on.
	Synced bool
}

// Reset makes l that of a kernel without processes and without free pages.
func (l *Life) Reset() {
	*l = Life{LDT: -1, VPage: NoFrame, Kmap: NoFrame}
	for i := range l.CPU {
		l.CPU[i] = LifeCPU{Current: -1, Prev: -1, Pending: NoFrame}
	}
	for i := range l.MM {
		l.MM[i] = MM{Root: NoFrame, User: NoFrame}
	}
}

// Owner returns the process with a root, -1 if there is none.
func (l *Life) Owner(root Frame) int {
	for i := range l.MM {
		if root != NoFrame && l.MM[i].Root == root {
			return i
		}
	}
	return -1
}

// Used reports whether a processor uses or borrows the tables of a process
// (mm_count).
func (l *Life) Used(n int) bool {
	for i := range l.CPU {
		if int(l.CPU[i].Current) == n || int(l.CPU[i].Prev) == n {
			return true
		}
	}
	return false
}

// AllocPage hands out the lowest free frame of the page allocator: of high memory
// if high is set and there is one, else of low memory. Its contents are what its
// last user left. ok is false if there is none (Linux: alloc_page).
func (m *Machine) AllocPage(high bool) (pfn PFN, ok bool) {
	m.pause()
	l := &m.Kernel.Life
	if high {
		pfn, ok = l.Free.Next(m.L.Kernel.MaxLowPFN)
	}
	if !ok {
		pfn, ok = l.Free.Next(0)
		ok = ok && pfn < m.L.Kernel.MaxLowPFN
	}
	if !ok {
		return 0, false
	}
	Put(&l.Free, Frame(pfn), false)
	m.emit(Step{Op: OpAlloc, Frame: Frame(pfn)})
	return pfn, true
}

// FreePage gives a frame back to the page allocator, whose next user may write to it at
// once. Giving one back that is free already is a bug of the kernel's (Linux: bad_page).
func (m *Machine) FreePage(pfn PFN) {
	m.pause()
	f := Frame(pfn)
	if In(m.Kernel.Life.Free, f) || !m.L.Map.IsGuest(f) {
		m.Bug("bad_page", OK)
	}
	Put(&m.Kernel.Life.Free, f, true)
	m.litterFreed(f)
	m.emit(Step{Op: OpFree, Frame: f})
}

// Available is the number of frames that the page allocator has left in low
// memory, and in all.
func (s *State) Available() (low, all int) {
	free := s.Kernel.Life.Free
	high := free.Remove(FrameRange{To: s.L.Kernel.MaxLowPFN}).Len()
	all = free.Len()
	return all - high, all
}
