package script

import (
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Spec describes an operation of the language.
type Spec struct {
	Name string
	Args []Kind
	// Repeat is how many of the last operands form a group that may be repeated.
	Repeat int
	// Header says that it describes a scenario or its start and is no operation of it.
	Header bool
	Doc    string
	// Example is a line with it.
	Example string
	// OnXen says that the guest in traces/xenlab runs it too, on the real Xen.
	OnXen bool
	// Verb is the hypercall that it stands for, and Op its operation; nil for none.
	Verb *model.Verb
	Op   model.Op
}

// own are the operations of the language that are no hypercalls; those are verbs of
// [model.Operation]. It is never written to.
var own = [...]Spec{
	{Name: "reset", Doc: "undo everything and zero all pool frames; answers how many were lost", OnXen: true},
	{Name: "w", Args: []Kind{KindAddr, KindNumber, KindEntry}, Example: "w s0 3 f1:PW", Doc: "store 8 bytes to an entry of the page", OnXen: true},
	{Name: "w4", Args: []Kind{KindAddr, KindNumber, KindEntry}, Example: "w4 s0 3 0", Doc: "store 4 bytes to an entry of the page", OnXen: true},
	{Name: "x", Args: []Kind{KindAddr, KindNumber, KindEntry}, Example: "x s0 3 f1:P", Doc: "exchange 8 bytes", OnXen: true},
	{Name: "or", Args: []Kind{KindAddr, KindNumber, KindEntry}, Example: "or s0 3 0x20", Doc: "locked or of 8 bytes (4 of a 32-bit guest)", OnXen: true},
	{Name: "r", Args: []Kind{KindAddr, KindNumber}, Example: "r s0 3", Doc: "load an entry of the page", OnXen: true},
	{Name: "assist", Args: []Kind{KindNumber, KindNumber}, Example: "assist 4 1", Doc: "vm_assist: switch type N on (1) or off (0)", OnXen: true},
	{Name: "get", Args: []Kind{KindFrame, KindNumber}, Example: "get f1 5", Doc: "print an entry of a frame", OnXen: true},
	{Name: "dump", Args: []Kind{KindFrame}, Example: "dump f1", Doc: "print the entries of a frame that are not zero", OnXen: true},
	{Name: "types", Doc: "print the pool frames that are tables or pinned", OnXen: true},
	{Name: "btypes", Doc: "print the boot frames that are tables or pinned", OnXen: true},
	{Name: "quiet", Args: []Kind{KindNumber}, Example: "quiet 1", Doc: "0: echo operations; 1: answers only; 2: a line for each reset", OnXen: true},
	{Name: "st", Args: []Kind{KindFrame, KindNumber, KindEntry}, Example: "st f1 0 f2:PW", Doc: "store an entry to a frame through a writable mapping of it"},
	{Name: "guest", Args: []Kind{KindWord}, Header: true, OnXen: true, Example: "guest domU", Doc: "header of a script of hypercalls: the bits of its guest, 32 or 64; the kind of domain: dom0, domU (without privileges and devices, on a processor with the flaw L1TF), domU-nol1tf (the same on another one); of other hostile guests also any"},
	{Name: "version", Args: []Kind{KindNumber}, Header: true, Example: "version 1", Doc: "header: the version of the language, 1"},
	{Name: "profile", Args: []Kind{KindWord}, Header: true, Example: "profile xen-4.17", Doc: "the hypervisor's rules, such as xen-4.17"},
	{Name: "mutant", Args: []Kind{KindWord}, Header: true, Example: "mutant B08", Doc: "header: the bug that is planted, by its ID"},
	{Name: "expect", Args: []Kind{KindWord}, Repeat: 1, Header: true, Example: "expect violated counts-agree", Doc: "header: how it must end: holds, violated RULE, crashed KIND [PLACE]"},
	{Name: "system", Args: []Kind{KindWord}, Header: true, Example: "system xen", Doc: "the calls that follow are made in this boot system"},
	{Name: "scope", Args: []Kind{KindWord, KindNumber}, Header: true, Example: "scope lowmem 12", Doc: "a bound of the system, such as lowmem 12"},
	{Name: "start", Args: []Kind{KindWord}, Header: true, Example: "start 3level-xen-3.1-16f-12mapped-3stale-nx", Doc: "boot from this start of day; answers whether it is legal"},
	{Name: "setup_start", Doc: "boot call: the backend's pagetable_setup_start, then CR4.PSE and PGE"},
	{Name: "map_lowmem", Args: []Kind{KindPFN}, Example: "map_lowmem f1", Doc: "boot call: map the leaf of low memory that covers a frame"},
	{Name: "map_all", Doc: "boot call: map all of low memory, by the kernel's own loop"},
	{Name: "range", Args: []Kind{KindWord}, Example: "range fixmap", Doc: "boot call: create the empty tables of the fixmap or pkmap"},
	{Name: "fixmap", Args: []Kind{KindNumber}, Example: "fixmap 2", Doc: "boot call: map the spare frame at a fixmap index"},
	{Name: "alias", Args: []Kind{KindNumber}, Example: "alias 3", Doc: "boot call: map the root, read-only, at a fixmap index"},
	{Name: "setup_done", Doc: "boot call: the backend's pagetable_setup_done"},
	{Name: "load_root", Doc: "boot call: load_cr3 of swapper_pg_dir"},
	{Name: "zap", Doc: "boot call: zap_low_mappings"},
	{Name: "pgd_alloc", Doc: "boot call: make a second address space"},
	{Name: "activate", Doc: "boot call: activate_mm of the second address space"},
	{Name: "switch", Args: []Kind{KindWord}, Example: "switch second", Doc: "boot call: switch to the second address space, or back to the kernel's"},
	{Name: "exit", Doc: "boot call: end the second address space"},
	{Name: "cpu1", Args: []Kind{KindWord}, Example: "cpu1 mm_exit:0", Doc: "kernel call on processor 1, its words joined by colons"},
	{Name: "refuse", Args: []Kind{KindNumber, KindWord}, Example: "refuse 2 map_lowmem:f1", Doc: "kernel call, its words joined by colons, of which the hypervisor refuses the n-th hypercall for want of memory"},
	{Name: "both", Args: []Kind{KindWord, KindWord, KindWord}, Example: "both mm_alloc touch:0 0.5.2", Doc: "two kernel calls side by side, on processors 0 and 1, and their schedule: who starts and the steps up to each preemption, such as 0.5.2"},
	{Name: "ioremap_init", Doc: "later kernels: hang the static tables below the slots of early_ioremap"},
	{Name: "early_ioremap", Args: []Kind{KindPFN}, Example: "early_ioremap f3", Doc: "later kernels: map the spare frame in a slot of early_ioremap"},
	{Name: "early_iounmap", Args: []Kind{KindWord}, Example: "early_iounmap s0", Doc: "later kernels: free a slot, such as s0"},
	{Name: "find_tables", Args: []Kind{KindWord}, Example: "find_tables r0", Doc: "later kernels: reserve a table buffer for a range, such as r0"},
	{Name: "map_range", Args: []Kind{KindWord}, Example: "map_range r0", Doc: "later kernels: extend the direct map by a range"},
	{Name: "kmap_init", Doc: "later kernels: make the tables of the whole fixmap"},
	{Name: "reserve", Doc: "later kernels: keep the used part of the table buffer, hand back the rest"},
	{Name: "alloc_page", Doc: "later kernels: take a page of data from the boot allocator, and clear it"},
	{Name: "kmap", Args: []Kind{KindNumber}, Example: "kmap 0", Doc: "later kernels: kmap_atomic of the spare frame at an index"},
	{Name: "top_start", Doc: "later kernels: map the low range that is always mapped, and find the place to begin"},
	{Name: "top_step", Doc: "later kernels: map the next chunk downwards"},
	{Name: "top_end", Doc: "later kernels: map what lies above the first chunk"},
	{Name: "mem_map", Doc: "later kernels: make the array of page structs"},
	{Name: "free_p2m", Doc: "later kernels: give up the builder's list of machine frames"},
	{Name: "free_initrd", Doc: "later kernels: give up what the loader has put into memory, such as an initrd"},
	{Name: "balloon_up", Doc: "later kernels: take the extra memory into use"},
	{Name: "vmap", Doc: "later kernels: map a new page in the vmalloc area"},
	{Name: "ptdump", Doc: "later kernels: read every table"},
	{Name: "shape", Args: []Kind{KindNumber, KindNumber}, Repeat: 1, Header: true, Example: "shape 1 1", Doc: "hostile guest: slots of a table of each level, from the root down"},
	{Name: "memory", Args: []Kind{KindFrame, KindNumber, KindEntry}, Header: true, Example: "memory f1 0 f2:PW", Doc: "hostile guest: what a frame holds at the start"},
	{Name: "put", Args: []Kind{KindNumber, KindNumber, KindEntry}, Example: "put 1 0 f2:P", Doc: "store an entry to a page by number"},
	{Name: "put-locked", Args: []Kind{KindNumber, KindNumber, KindEntry}, Example: "put-locked 1 0 f2:P", Doc: "exchange an entry of a page by number"},
	{Name: "put-low", Args: []Kind{KindNumber, KindNumber, KindEntry}, Example: "put-low 1 0 f2:P", Doc: "store the lower half of an entry to a page by number"},
	{Name: "put-high", Args: []Kind{KindNumber, KindNumber, KindEntry}, Example: "put-high 1 0 0", Doc: "store the upper half of an entry to a page by number"},
	{Name: "touch", Args: []Kind{KindNumber}, Example: "touch 0", Doc: "use a page, for writing if that is allowed; life: the current process stores to a page"},
	{Name: "stop", Args: []Kind{KindNumber}, Example: "stop 2", Doc: "stop the next operation at a place inside; those that follow are the other processor's"},
	{Name: "go", Doc: "carry the race out"},
	{Name: "mm_alloc", Doc: "life: make an address space for a new program"},
	{Name: "mm_fork", Doc: "life: copy the current process"},
	{Name: "mm_populate", Args: []Kind{KindNumber, KindNumber}, Example: "mm_populate 0 0", Doc: "life: give a process that does not run yet a page"},
	{Name: "mm_activate", Args: []Kind{KindNumber}, Example: "mm_activate 0", Doc: "life: activate_mm of a new program's address space"},
	{Name: "mm_switch", Args: []Kind{KindWord}, Example: "mm_switch kernel", Doc: "life: run a process, or, with \"kernel\", load init_mm's tables"},
	{Name: "mm_exit", Args: []Kind{KindNumber}, Example: "mm_exit 0", Doc: "life: exit_mmap of a process"},
	{Name: "unmap", Args: []Kind{KindNumber}, Example: "unmap 0", Doc: "life: munmap of a page of the current process"},
	{Name: "prot_none", Args: []Kind{KindNumber}, Example: "prot_none 0", Doc: "life: mprotect of a page with no rights"},
	{Name: "unprotect", Args: []Kind{KindNumber}, Example: "unprotect 0", Doc: "life: mprotect of a page with all rights"},
	{Name: "swap_out", Args: []Kind{KindNumber, KindNumber}, Example: "swap_out 0 0", Doc: "life: take a page from a process, to be swapped in again"},
	{Name: "vmalloc", Doc: "life: map a page in the vmalloc area of init_mm"},
	{Name: "vfree", Doc: "life: unmap the page of the vmalloc area"},
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
	{Name: "bench", Args: []Kind{KindWord, KindNumber}, Example: "bench pin 1000", Doc: "repeat an operation: null, va, mmu, pin, write or reset", OnXen: true},
}

// specs is the list of all operations, hypercalls first. It is never written to.
var specs = allSpecs()

func allSpecs() []Spec {
	var out []Spec
	for op, v := range model.Verbs() {
		s := Spec{Name: v.Name, Repeat: v.Repeat, Doc: v.Says, Example: v.Example, OnXen: v.OnXen, Verb: v, Op: op}
		for _, o := range v.Args {
			s.Args = append(s.Args, kindOf(o))
		}
		out = append(out, s)
	}
	out = append(out, own[:]...)
	for i := range out {
		if len(out[i].Args) == 0 {
			out[i].Example = out[i].Name
		}
	}
	return out
}

// kindOf is what an operand of a hypercall is written as.
func kindOf(o model.Operand) Kind {
	switch o {
	case model.OperandFrame, model.OperandOther:
		return KindFrame
	case model.OperandFrameOrNone:
		return KindFrameOrZero
	case model.OperandAddress:
		return KindAddr
	case model.OperandEntry:
		return KindEntry
	}
	return KindNumber
}

// Specs returns the specification of each operation.
func Specs() []Spec { return specs }

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

// Syntax is the operation with the kinds of its operands, such as "pin LEVEL FRAME".
func (s *Spec) Syntax() string {
	words := []string{s.Name}
	for i, k := range s.Args {
		if s.Verb != nil {
			words = append(words, s.Verb.Args[i].String())
		} else {
			words = append(words, strings.ToUpper(k.String()))
		}
	}
	if s.Repeat > 0 {
		words = append(words, "...")
	}
	return strings.Join(words, " ")
}
