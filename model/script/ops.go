package script

// Spec describes an operation of the language.
type Spec struct {
	Name string
	Args []Kind
	// Repeat is how many of the last operands form a group that may be repeated.
	Repeat int
	Doc    string
}

// specs is the list of all operations. It is never written to.
var specs = [...]Spec{
	{Name: "reset", Doc: "undo everything and zero all pool frames; answers how many were lost"},
	{Name: "map", Args: []Kind{KindAddr, KindEntry}, Doc: "update_va_mapping, flushing the page"},
	{Name: "mapnf", Args: []Kind{KindAddr, KindEntry}, Doc: "update_va_mapping without a flush"},
	{Name: "w", Args: []Kind{KindAddr, KindNumber, KindEntry}, Doc: "store 8 bytes to an entry of the page"},
	{Name: "w4", Args: []Kind{KindAddr, KindNumber, KindEntry}, Doc: "store 4 bytes"},
	{Name: "x", Args: []Kind{KindAddr, KindNumber, KindEntry}, Doc: "exchange 8 bytes"},
	{Name: "or", Args: []Kind{KindAddr, KindNumber, KindEntry}, Doc: "locked or of 8 bytes (4 of a 32-bit guest)"},
	{Name: "r", Args: []Kind{KindAddr, KindNumber}, Doc: "load an entry of the page"},
	{Name: "mu", Args: []Kind{KindFrame, KindNumber, KindEntry}, Doc: "mmu_update of one entry"},
	{Name: "mua", Args: []Kind{KindFrame, KindNumber, KindEntry}, Doc: "the same, keeping the accessed and dirty bits"},
	{Name: "mus", Args: []Kind{KindFrame, KindNumber, KindEntry}, Repeat: 2, Doc: "several entries in one mmu_update"},
	{Name: "pin", Args: []Kind{KindNumber, KindFrame}, Doc: "MMUEXT_PIN_Ln_TABLE"},
	{Name: "unpin", Args: []Kind{KindFrame}, Doc: "MMUEXT_UNPIN_TABLE"},
	{Name: "cr3", Args: []Kind{KindFrame}, Doc: "MMUEXT_NEW_BASEPTR, unless the table would kill the guest"},
	{Name: "cr3!", Args: []Kind{KindFrame}, Doc: "MMUEXT_NEW_BASEPTR without that check"},
	{Name: "ucr3", Args: []Kind{KindFrameOrZero}, Doc: "MMUEXT_NEW_USER_BASEPTR"},
	{Name: "flush", Doc: "MMUEXT_TLB_FLUSH_LOCAL"},
	{Name: "invlpg", Args: []Kind{KindAddr}, Doc: "MMUEXT_INVLPG_LOCAL"},
	{Name: "clear", Args: []Kind{KindFrame}, Doc: "MMUEXT_CLEAR_PAGE"},
	{Name: "copy", Args: []Kind{KindFrame, KindFrame}, Doc: "MMUEXT_COPY_PAGE to the first from the second"},
	{Name: "gdt", Args: []Kind{KindFrame}, Doc: "set_gdt with one frame"},
	{Name: "assist", Args: []Kind{KindNumber, KindNumber}, Doc: "vm_assist: switch type N on (1) or off (0)"},
	{Name: "get", Args: []Kind{KindFrame, KindNumber}, Doc: "print an entry of a frame"},
	{Name: "dump", Args: []Kind{KindFrame}, Doc: "print the entries of a frame that are not zero"},
	{Name: "types", Doc: "print the pool frames that are tables or pinned"},
	{Name: "btypes", Doc: "print the boot frames that are tables or pinned"},
	{Name: "quiet", Args: []Kind{KindNumber}, Doc: "0: echo operations; 1: answers only; 2: a line for each reset"},
	{Name: "st", Args: []Kind{KindFrame, KindNumber, KindEntry}, Doc: "store an entry to a frame through a writable mapping of it"},
	{Name: "guest", Args: []Kind{KindWord}, Doc: "header: what kind of domain the guest is: dom0, domU (without privileges and devices, on a processor with the flaw L1TF) or domU-nol1tf (the same on another processor)"},
	{Name: "profile", Args: []Kind{KindWord}, Doc: "the hypervisor's rules, such as xen-4.17"},
	{Name: "mutant", Args: []Kind{KindWord}, Doc: "header: the bug that is planted, by its ID"},
	{Name: "expect", Args: []Kind{KindWord}, Repeat: 1, Doc: "header: how it must end: holds, violated RULE, crashed KIND [PLACE]"},
	{Name: "system", Args: []Kind{KindWord}, Doc: "the calls that follow are made in this boot system"},
	{Name: "scope", Args: []Kind{KindWord, KindNumber}, Doc: "a bound of the system, such as lowmem 12"},
	{Name: "start", Args: []Kind{KindWord}, Doc: "boot from this start of day; answers whether it is legal"},
	{Name: "setup_start", Doc: "boot call: the backend's pagetable_setup_start, then CR4.PSE and PGE"},
	{Name: "map_lowmem", Args: []Kind{KindFrame}, Doc: "boot call: map the leaf of low memory that covers a frame"},
	{Name: "map_all", Doc: "boot call: map all of low memory, by the kernel's own loop"},
	{Name: "range", Args: []Kind{KindWord}, Doc: "boot call: create the empty tables of the fixmap or pkmap"},
	{Name: "fixmap", Args: []Kind{KindNumber}, Doc: "boot call: map the spare frame at a fixmap index"},
	{Name: "alias", Args: []Kind{KindNumber}, Doc: "boot call: map the root, read-only, at a fixmap index"},
	{Name: "setup_done", Doc: "boot call: the backend's pagetable_setup_done"},
	{Name: "load_root", Doc: "boot call: load_cr3 of swapper_pg_dir"},
	{Name: "zap", Doc: "boot call: zap_low_mappings"},
	{Name: "pgd_alloc", Doc: "boot call: make a second address space"},
	{Name: "activate", Doc: "boot call: activate_mm of the second address space"},
	{Name: "switch", Args: []Kind{KindWord}, Doc: "boot call: switch to the second address space, or back to the kernel's"},
	{Name: "exit", Doc: "boot call: end the second address space"},
	{Name: "cpu1", Args: []Kind{KindWord}, Doc: "kernel call on processor 1, its words joined by colons"},
	{Name: "refuse", Args: []Kind{KindNumber, KindWord}, Doc: "kernel call, its words joined by colons, of which the hypervisor refuses the n-th hypercall for want of memory"},
	{Name: "both", Args: []Kind{KindWord, KindWord, KindWord}, Doc: "two kernel calls side by side, on processors 0 and 1, and their schedule: who starts and the steps up to each preemption, such as 0.5.2"},
	{Name: "ioremap_init", Doc: "later kernels: hang the static tables below the slots of early_ioremap"},
	{Name: "early_ioremap", Args: []Kind{KindFrame}, Doc: "later kernels: map the spare frame in a slot of early_ioremap"},
	{Name: "early_iounmap", Args: []Kind{KindWord}, Doc: "later kernels: free a slot, such as s0"},
	{Name: "find_tables", Args: []Kind{KindWord}, Doc: "later kernels: reserve a table buffer for a range, such as r0"},
	{Name: "map_range", Args: []Kind{KindWord}, Doc: "later kernels: extend the direct map by a range"},
	{Name: "kmap_init", Doc: "later kernels: make the tables of the whole fixmap"},
	{Name: "reserve", Doc: "later kernels: keep the used part of the table buffer, hand back the rest"},
	{Name: "alloc_page", Doc: "later kernels: take a page of data from the boot allocator, and clear it"},
	{Name: "kmap", Args: []Kind{KindNumber}, Doc: "later kernels: kmap_atomic of the spare frame at an index"},
	{Name: "top_start", Doc: "later kernels: map the low range that is always mapped, and find the place to begin"},
	{Name: "top_step", Doc: "later kernels: map the next chunk downwards"},
	{Name: "top_end", Doc: "later kernels: map what lies above the first chunk"},
	{Name: "mem_map", Doc: "later kernels: make the array of page structs"},
	{Name: "free_p2m", Doc: "later kernels: give up the builder's list of machine frames"},
	{Name: "balloon_up", Doc: "later kernels: take the extra memory into use"},
	{Name: "vmap", Doc: "later kernels: map a new page in the vmalloc area"},
	{Name: "ptdump", Doc: "later kernels: read every table"},
	{Name: "shape", Args: []Kind{KindNumber, KindNumber}, Repeat: 1, Doc: "hostile guest: slots of a table of each level, from the root down"},
	{Name: "memory", Args: []Kind{KindFrame, KindNumber, KindEntry}, Doc: "hostile guest: what a frame holds at the start"},
	{Name: "m2p", Args: []Kind{KindFrame, KindEntry}, Doc: "mmu_update of the list of frames"},
	{Name: "uva", Args: []Kind{KindNumber, KindEntry}, Doc: "update_va_mapping of a page by number, without a flush"},
	{Name: "uva-flush", Args: []Kind{KindNumber, KindEntry}, Doc: "the same, flushing the page"},
	{Name: "uva-wild", Doc: "update_va_mapping of an address outside the address space, with a flush"},
	{Name: "put", Args: []Kind{KindNumber, KindNumber, KindEntry}, Doc: "store an entry to a page by number"},
	{Name: "put-locked", Args: []Kind{KindNumber, KindNumber, KindEntry}, Doc: "exchange an entry of a page by number"},
	{Name: "put-low", Args: []Kind{KindNumber, KindNumber, KindEntry}, Doc: "store its lower half"},
	{Name: "put-high", Args: []Kind{KindNumber, KindNumber, KindEntry}, Doc: "store its upper half"},
	{Name: "touch", Args: []Kind{KindNumber}, Doc: "use a page, for writing if that is allowed; life: the current process stores to a page"},
	{Name: "pin-part", Args: []Kind{KindNumber, KindFrame, KindNumber}, Doc: "a pin that is interrupted at the n-th place"},
	{Name: "pin-busy", Args: []Kind{KindNumber, KindFrame, KindFrame}, Doc: "a pin that is interrupted while it waits for another processor, which is at work on the second frame"},
	{Name: "pin-late", Args: []Kind{KindNumber, KindFrame}, Doc: "a pin whose failure is cleaned up later"},
	{Name: "unpin-part", Args: []Kind{KindFrame, KindNumber}, Doc: "an unpin that is interrupted at the n-th place"},
	{Name: "finish", Doc: "release the table that an interrupted operation left behind"},
	{Name: "finish-part", Args: []Kind{KindNumber}, Doc: "the same, interrupted at the n-th place"},
	{Name: "cr3-part", Args: []Kind{KindFrame, KindNumber}, Doc: "a load of a root that is interrupted at the n-th place"},
	{Name: "ucr3-part", Args: []Kind{KindFrame, KindNumber}, Doc: "the same for the user's root"},
	{Name: "gdt-two", Args: []Kind{KindFrame, KindFrame}, Doc: "set_gdt with two frames"},
	{Name: "assist-stores", Args: []Kind{KindNumber}, Doc: "vm_assist: have stores to leaf tables carried out (1) or not (0)"},
	{Name: "assist-m2p", Args: []Kind{KindNumber}, Doc: "vm_assist: keep the list of frames from user mode (1) or not (0)"},
	{Name: "gdt-none", Doc: "set_gdt without frames"},
	{Name: "release", Args: []Kind{KindFrame}, Doc: "XENMEM_decrease_reservation"},
	{Name: "give", Args: []Kind{KindFrame}, Doc: "GNTTABOP_transfer to another domain"},
	{Name: "obtain", Args: []Kind{KindFrame}, Doc: "get a free frame, or one that was given away"},
	{Name: "other", Args: []Kind{KindFrame, KindNumber, KindEntry}, Doc: "a store of the domain that owns the frame"},
	{Name: "lend", Args: []Kind{KindFrame}, Doc: "another domain maps the frame writable"},
	{Name: "unlend", Args: []Kind{KindFrame}, Doc: "it unmaps it"},
	{Name: "unlend-device", Args: []Kind{KindFrame}, Doc: "it unmaps it for a device for which it was never mapped"},
	{Name: "grant-pte", Args: []Kind{KindFrame, KindNumber, KindFrame}, Doc: "map a grant of the second frame between two entries of the first"},
	{Name: "grant-map", Args: []Kind{KindFrame, KindNumber, KindFrame}, Doc: "map a grant of the second frame, writable, at a slot of the first"},
	{Name: "grant-read", Args: []Kind{KindFrame, KindNumber, KindFrame}, Doc: "the same, read-only"},
	{Name: "grant-unmap", Args: []Kind{KindFrame, KindNumber}, Doc: "end the mapping of a grant at a slot"},
	{Name: "assign", Doc: "the guest gets a device"},
	{Name: "result", Args: []Kind{KindFrame, KindNumber, KindFrame}, Doc: "a hypercall stores a frame number through a pointer to the hypervisor's memory"},
	{Name: "unshare", Args: []Kind{KindFrame}, Doc: "the hypervisor frees a frame that it shares"},
	{Name: "iret", Args: []Kind{KindNumber, KindEntry}, Doc: "a batch: return to user mode, then update_va_mapping"},
	{Name: "kill", Doc: "the guest is destroyed"},
	{Name: "stop", Args: []Kind{KindNumber}, Doc: "stop the next operation at a place inside; those that follow are the other processor's"},
	{Name: "go", Doc: "carry the race out"},
	{Name: "mm_alloc", Doc: "life: make an address space for a new program"},
	{Name: "mm_fork", Doc: "life: copy the current process"},
	{Name: "mm_populate", Args: []Kind{KindNumber, KindNumber}, Doc: "life: give a process that does not run yet a page"},
	{Name: "mm_activate", Args: []Kind{KindNumber}, Doc: "life: activate_mm of a new program's address space"},
	{Name: "mm_switch", Args: []Kind{KindWord}, Doc: "life: run a process, or, with \"kernel\", load init_mm's tables"},
	{Name: "mm_exit", Args: []Kind{KindNumber}, Doc: "life: exit_mmap of a process"},
	{Name: "unmap", Args: []Kind{KindNumber}, Doc: "life: munmap of a page of the current process"},
	{Name: "prot_none", Args: []Kind{KindNumber}, Doc: "life: mprotect of a page with no rights"},
	{Name: "unprotect", Args: []Kind{KindNumber}, Doc: "life: mprotect of a page with all rights"},
	{Name: "swap_out", Args: []Kind{KindNumber, KindNumber}, Doc: "life: take a page from a process, to be swapped in again"},
	{Name: "vmalloc", Doc: "life: map a page in the vmalloc area of init_mm"},
	{Name: "vfree", Doc: "life: take it away"},
	{Name: "vmalloc_touch", Doc: "life: store to the vmalloc area, or read a descriptor table there"},
	{Name: "vmalloc_sync", Doc: "life: vmalloc_sync_all"},
	{Name: "vm_area", Doc: "life: alloc_vm_area, and a hypercall that maps a page there"},
	{Name: "kmap_high", Doc: "life: kmap of a new page of high memory"},
	{Name: "kunmap_high", Doc: "life: kunmap of that page, and free it"},
	{Name: "lazy_enter", Doc: "life: arch_enter_lazy_mmu_mode"},
	{Name: "lazy_leave", Doc: "life: arch_leave_lazy_mmu_mode"},
	{Name: "gdt_load", Doc: "life: make the vmalloc page the GDT"},
	{Name: "ldt_load", Doc: "life: make the vmalloc page the LDT of the current process"},
	{Name: "ldt_use", Doc: "life: load a segment register from the LDT"},
	{Name: "ldt_free", Doc: "life: give the LDT up"},
	{Name: "suspend", Doc: "life: pin every root and suspend the guest"},
	{Name: "resume", Doc: "life: go on after it"},
	{Name: "bench", Args: []Kind{KindWord, KindNumber}, Doc: "repeat an operation: null, va, mmu, pin, write or reset"},
}

// Specs returns the specification of each operation.
func Specs() []Spec { return specs[:] }

// Lookup returns the specification of an operation, or nil.
func Lookup(name string) *Spec {
	for i := range specs {
		if specs[i].Name == name {
			return &specs[i]
		}
	}
	return nil
}

// kind returns the kind of operand n, or false if there can be none.
func (s *Spec) kind(n int) (Kind, bool) {
	if n >= len(s.Args) && s.Repeat > 0 {
		n = len(s.Args) - s.Repeat + (n-len(s.Args))%s.Repeat
	}
	if n >= len(s.Args) {
		return 0, false
	}
	return s.Args[n], true
}

// fits reports whether an operation may have n operands.
func (s *Spec) fits(n int) bool {
	return n == len(s.Args) || s.Repeat > 0 && n > len(s.Args) && (n-len(s.Args))%s.Repeat == 0
}
