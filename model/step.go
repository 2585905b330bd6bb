package model

// Op is the kind of a Step.
type Op uint8

// Steps that a machine takes.
const (
	OpStore       Op = iota // a store through a virtual address
	OpEmulate               // a store to a read-only L1 that the hypervisor carried out
	OpClearPage             // a whole page zeroed through its virtual address
	OpBootmem               // a frame handed out by the boot allocator
	OpLoadCR3               // bare metal: CR3 written
	OpSetCR4                // CR4 bits switched on
	OpFlush                 // the whole TLB flushed
	OpInvlpg                // one page flushed
	OpMMUUpdate             // hypercall mmu_update, one item
	OpUpdateVA              // hypercall update_va_mapping
	OpNewBaseptr            // MMUEXT_NEW_BASEPTR
	OpUserBaseptr           // MMUEXT_NEW_USER_BASEPTR
	OpPin                   // MMUEXT_PIN_Ln_TABLE
	OpUnpin                 // MMUEXT_UNPIN_TABLE
	OpSetGDT                // set_gdt
	OpClearFrame            // MMUEXT_CLEAR_PAGE
	OpCopyFrame             // MMUEXT_COPY_PAGE
	OpAnnounce              // a shadowing hypervisor is told of a changed entry
	OpSetLDT                // MMUEXT_SET_LDT
	OpUseLDT                // a descriptor of the LDT loaded
	OpAlloc                 // a frame handed out by the page allocator
	OpFree                  // a frame given back to it
	OpFault                 // a page fault reaches the kernel
	OpResume                // the kernel has handled it: the access is tried again
	OpSuspend               // the guest is suspended, to be saved or moved
	OpCallBegin             // a protocol call starts
	OpCallEnd               // a protocol call has returned
	OpHook                  // the kernel is about to call a hook
	OpDealing               // an operation of a hostile guest, see hostile.go
	NumOps
)

// String returns a short lower-case name.
func (o Op) String() string {
	return [...]string{"store", "emulated-store", "clear-page", "bootmem", "load_cr3", "set_cr4",
		"flush", "invlpg", "mmu_update", "update_va_mapping", "new_baseptr", "new_user_baseptr",
		"pin", "unpin", "set_gdt", "clear_frame", "copy_frame", "announce",
		"set_ldt", "use_ldt", "alloc_page", "free_page", "fault", "resume", "suspend", "begin", "end", "hook", "dealing"}[o]
}

// Step is one thing that the machine did. Which fields mean something depends
// on Op. The memory words that it changed are in [State.Writes] while
// observers look at it.
type Step struct {
	Op    Op
	Call  Call    // the protocol call in progress
	Errno Errno   // hypercalls: the answer
	Level int     // OpPin; OpSetGDT: the number of frames
	VA    VA      // stores, OpUpdateVA, OpInvlpg
	Frame Frame   // the frame stored to, allocated, loaded, pinned
	Off   int     // byte offset in Frame of a store or update
	Width int     // bytes stored or announced
	Value uint64  // the value stored or asked for
	Hook  Hook    // OpHook; Frame is the table that it is about
	Cmd   uint8   // OpMMUUpdate: the low bits of the pointer, such as MMUPreserveAD
	All   bool    // OpFlush, OpInvlpg: on all processors, not only the one that runs
	CPU   int     // number of the processor that took the step
	Busy  bool    // the other processor is in the middle of a call
	Site  uintptr // program counter of the kernel code, when sites are recorded
}

// Observer looks at every step of a machine, after it has happened.
type Observer interface {
	Step(m *Machine, s *Step)
}
