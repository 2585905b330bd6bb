package model

// Op is the kind of a Step.
type Op uint8

// Steps that a machine takes. Each has a row in the table of operations.
const (
	OpStore       Op = iota // a store through a virtual address
	OpEmulate               // a store to a read-only L1 that the hypervisor carried out
	OpClearPage             // a whole page zeroed through its virtual address
	OpBootmem               // a frame handed out by the boot allocator
	OpLoadCR3               // bare metal: CR3 written
	OpSetCR4                // CR4 written
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
	OpDealing               // an operation of a hostile guest, see xen_hostile.go
	NumOps
)

// operations is the table of all operations. It is never written to. No method of
// Machine that a verb calls may read it: Go would call that a cycle.
var operations = [NumOps]Operation{
	OpStore:     {Name: "store", Memory: Stores, Text: "{frame}+{offset}, {width} bytes", Unsaid: FieldVA | FieldValue},
	OpEmulate:   {Name: "emulated-store", Memory: Stores, Text: "{frame}+{offset}, {width} bytes", Unsaid: FieldVA | FieldValue},
	OpClearPage: {Name: "clear-page", Memory: Stores, Text: "{frame}", Unsaid: FieldVA},
	OpBootmem:   {Name: "bootmem", Text: "{frame}"},
	OpLoadCR3:   {Name: "load_cr3", Text: "{frame}"},
	OpSetCR4:    {Name: "set_cr4", Text: "{bits}"},
	OpFlush: {
		Name: "flush", Hypercall: true, Granted: "a flush needs nothing and has no answer", Unsaid: FieldAll,
		Verbs: []Verb{{
			Name: "flush", Says: "MMUEXT_TLB_FLUSH_LOCAL", MMUExt: 6, OnXen: true,
			Issue: func(m *Machine, _ Operands) Errno { return m.FlushLocal() },
		}},
	},
	OpInvlpg: {
		Name: "invlpg", Hypercall: true, Granted: "a flush needs nothing and has no answer", Text: "{address}", Unsaid: FieldAll,
		Verbs: []Verb{{
			Name: "invlpg", Args: []Operand{OperandAddress}, Says: "MMUEXT_INVLPG_LOCAL", Example: "invlpg s0", MMUExt: 7, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.InvalidatePage(o.VA) },
		}},
	},
	OpMMUUpdate: {
		Name: "mmu_update", Memory: Stores, Hypercall: true, Method: (*Machine).MMUUpdate, Text: "{frame}[{slot}] {entry}", Unsaid: FieldWidth | FieldCmd,
		Verbs: []Verb{{
			Name: "mu", Args: []Operand{OperandFrame, OperandSlot, OperandEntry}, Says: "mmu_update of one entry", Example: "mu f1 1 f0:PW", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.MMUUpdate(m.pointer(o)|MMUNormal, o.Entry) },
		}, {
			Name: "mua", Args: []Operand{OperandFrame, OperandSlot, OperandEntry}, Says: "mmu_update of one entry, keeping the accessed and dirty bits", Example: "mua f1 1 f0:P", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.MMUUpdate(m.pointer(o)|MMUPreserveAD, o.Entry) },
		}, {
			Name: "mus", Args: []Operand{OperandFrame, OperandSlot, OperandEntry}, Repeat: 2,
			Says: "several entries in one mmu_update", Example: "mus f1 1 f0:PW 2 0", OnXen: true,
		}, {
			Name: "m2p", Args: []Operand{OperandFrame, OperandEntry}, Says: "mmu_update of the list of frames", Example: "m2p f1 f0:P",
			Issue: func(m *Machine, o Operands) Errno {
				return m.MMUUpdate(uint64(o.Frame)<<PageShift|MMUMachPhys, o.Entry)
			},
		}},
	},
	OpUpdateVA: {
		Name: "update_va_mapping", Memory: Stores, Hypercall: true, Method: (*Machine).UpdateVAMapping, Text: "{address} {entry}", Unsaid: FieldFrame | FieldOff | FieldWidth | FieldCmd | FieldAll,
		Verbs: []Verb{{
			Name: "map", Args: []Operand{OperandAddress, OperandEntry}, Says: "update_va_mapping, flushing the page", Example: "map s0 f0:PW", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.UpdateVAMapping(o.VA, o.Entry, UVMFInvlpg) },
		}, {
			Name: "mapnf", Args: []Operand{OperandAddress, OperandEntry}, Says: "update_va_mapping without a flush", Example: "mapnf s0 0", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.UpdateVAMapping(o.VA, o.Entry, UVMFNone) },
		}, {
			Name: "uva", Args: []Operand{OperandPage, OperandEntry}, Says: "update_va_mapping of a page by number, without a flush", Example: "uva 1 f0:PW",
			Issue: func(m *Machine, o Operands) Errno { return m.UpdateVAMapping(o.VA, o.Entry, UVMFNone) },
		}, {
			Name: "uva-flush", Args: []Operand{OperandPage, OperandEntry}, Says: "update_va_mapping of a page by number, flushing it", Example: "uva-flush 1 f0:PW",
			Issue: func(m *Machine, o Operands) Errno { return m.UpdateVAMapping(o.VA, o.Entry, UVMFInvlpg) },
		}, {
			Name: "uva-flush-all", Args: []Operand{OperandPage, OperandEntry}, Says: "update_va_mapping of a page by number, flushing everything on all processors", Example: "uva-flush-all 1 f0:PW",
			Issue: func(m *Machine, o Operands) Errno { return m.UpdateVAMapping(o.VA, o.Entry, UVMFFlush|UVMFAll) },
		}, {
			Name: "uva-wild", Says: "update_va_mapping of an address outside the address space, with a flush", Denied: true,
			Issue: func(m *Machine, _ Operands) Errno { return m.UpdateVAMapping(1<<50, 0, UVMFInvlpg) },
		}, {
			Name: "iret", Args: []Operand{OperandPage, OperandEntry}, Says: "a batch: return to user mode, then update_va_mapping", Example: "iret 1 f0:P",
			Issue: func(m *Machine, o Operands) Errno { return m.Iret(o.VA, o.Entry) },
		}},
	},
	OpNewBaseptr: {
		Name: "new_baseptr", Memory: Adjusts, Hypercall: true, Method: (*Machine).NewBaseptr, Text: "{frame}", Unsaid: FieldValue,
		Verbs: []Verb{{
			Name: "cr3", Args: []Operand{OperandFrame}, Says: "MMUEXT_NEW_BASEPTR, unless the table would kill the guest", Example: "cr3 f0", MMUExt: 5, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.NewBaseptr(o.Frame) },
		}, {
			Name: "cr3!", Args: []Operand{OperandFrame}, Says: "MMUEXT_NEW_BASEPTR without that check", Example: "cr3! f0", MMUExt: 5, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.NewBaseptr(o.Frame) },
		}, {
			Name: "cr3-part", Args: []Operand{OperandFrame, OperandPlace}, Says: "a load of a root that is interrupted at the n-th place", Example: "cr3-part f0 1",
			Issue: func(m *Machine, o Operands) Errno {
				return m.releasing(o.Place, func() Errno { return m.NewBaseptr(o.Frame) })
			},
		}},
	},
	OpUserBaseptr: {
		Name: "new_user_baseptr", Memory: Adjusts, Hypercall: true, Method: (*Machine).NewUserBaseptr, Text: "{frame}", Unsaid: FieldValue,
		Verbs: []Verb{{
			Name: "ucr3", Args: []Operand{OperandFrameOrNone}, Says: "MMUEXT_NEW_USER_BASEPTR", Example: "ucr3 f0", MMUExt: 15, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.NewUserBaseptr(o.Frame) },
		}, {
			Name: "ucr3-part", Args: []Operand{OperandFrame, OperandPlace}, Says: "a load of the user's root that is interrupted at the n-th place", Example: "ucr3-part f0 1",
			Issue: func(m *Machine, o Operands) Errno {
				return m.releasing(o.Place, func() Errno { return m.NewUserBaseptr(o.Frame) })
			},
		}},
	},
	OpPin: {
		Name: "pin", Memory: Adjusts, Hypercall: true, Method: (*Machine).Pin, Text: "L{level} {frame}", Unsaid: FieldValue,
		Verbs: []Verb{{
			Name: "pin", Args: []Operand{OperandLevel, OperandFrame}, Says: "MMUEXT_PIN_Ln_TABLE", Example: "pin 1 f1", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.Pin(int(o.N), o.Frame) },
		}, {
			Name: "pin-part", Args: []Operand{OperandLevel, OperandFrame, OperandPlace}, Says: "a pin that is interrupted at the n-th place", Example: "pin-part 2 f1 1",
			Issue: func(m *Machine, o Operands) Errno {
				return m.interrupted(o.Place, func() Errno { return m.Pin(int(o.N), o.Frame) })
			},
		}, {
			Name: "pin-busy", Args: []Operand{OperandLevel, OperandFrame, OperandFrame}, Example: "pin-busy 2 f1 f2",
			Says:  "a pin that is interrupted while it waits for another processor, which is at work on the second frame",
			Issue: func(m *Machine, o Operands) Errno { return m.pinBusy(int(o.N), o.Frame, o.Second) },
		}, {
			Name: "pin-late", Args: []Operand{OperandLevel, OperandFrame}, Says: "a pin whose failure is cleaned up later", Example: "pin-late 2 f1",
			Issue: func(m *Machine, o Operands) Errno { return m.pinLate(int(o.N), o.Frame) },
		}},
	},
	OpUnpin: {
		Name: "unpin", Memory: Adjusts, Hypercall: true, Method: (*Machine).Unpin, Text: "{frame}", Unsaid: FieldValue,
		Verbs: []Verb{{
			Name: "unpin", Args: []Operand{OperandFrame}, Says: "MMUEXT_UNPIN_TABLE", Example: "unpin f1", MMUExt: 4, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.Unpin(o.Frame) },
		}, {
			Name: "unpin-part", Args: []Operand{OperandFrame, OperandPlace}, Says: "an unpin that is interrupted at the n-th place", Example: "unpin-part f1 1",
			Issue: func(m *Machine, o Operands) Errno {
				return m.releasing(o.Place, func() Errno { return m.Unpin(o.Frame) })
			},
		}},
	},
	OpSetGDT: {
		Name: "set_gdt", Memory: Adjusts, Hypercall: true, Method: (*Machine).SetGDT, Text: "{frame}", Unsaid: FieldLevel,
		Verbs: []Verb{{
			Name: "gdt", Args: []Operand{OperandFrame}, Says: "set_gdt with one frame", Example: "gdt f1", OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.SetGDT(o.Frame) },
		}, {
			Name: "gdt-two", Args: []Operand{OperandFrame, OperandFrame}, Says: "set_gdt with two frames", Example: "gdt-two f1 f2",
			Issue: func(m *Machine, o Operands) Errno { return m.SetGDT(o.Frame, o.Second) },
		}, {
			Name: "gdt-none", Says: "set_gdt without frames",
			Issue: func(m *Machine, _ Operands) Errno { return m.SetGDT() },
		}},
	},
	OpClearFrame: {
		Name: "clear_frame", Memory: Stores, Hypercall: true, Method: (*Machine).ClearFrame, Unasked: "kernels clear pages by stores of their own", Text: "{frame}", Unsaid: FieldValue,
		Verbs: []Verb{{
			Name: "clear", Args: []Operand{OperandFrame}, Says: "MMUEXT_CLEAR_PAGE", Example: "clear f1", MMUExt: 16, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.ClearFrame(o.Frame) },
		}},
	},
	OpCopyFrame: {
		Name: "copy_frame", Memory: Stores, Hypercall: true, Method: (*Machine).CopyFrame, Unasked: "kernels copy pages by stores of their own", Text: "{frame} from {source}",
		Verbs: []Verb{{
			Name: "copy", Args: []Operand{OperandFrame, OperandFrame}, Says: "MMUEXT_COPY_PAGE to the first from the second", Example: "copy f1 f0", MMUExt: 17, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.CopyFrame(o.Frame, o.Second) },
		}},
	},
	OpAnnounce: {Name: "announce", Text: "{frame}+{offset}, {width} bytes"},
	OpSetLDT: {
		Name: "set_ldt", Hypercall: true, Method: (*Machine).SetLDT, Text: "{address}, {count} descriptors",
		Verbs: []Verb{{
			Name: "ldt", Args: []Operand{OperandAddress, OperandCount}, Says: "MMUEXT_SET_LDT of so many descriptors, 0 for none", Example: "ldt s0 16", MMUExt: 13, OnXen: true,
			Issue: func(m *Machine, o Operands) Errno { return m.SetLDT(o.VA, int(uint32(o.N))) },
		}},
	},
	OpUseLDT:    {Name: "use_ldt", Text: "{address}", Unsaid: FieldFrame},
	OpAlloc:     {Name: "alloc_page", Text: "{frame}"},
	OpFree:      {Name: "free_page", Text: "{frame}"},
	OpFault:     {Name: "fault", Text: "{address}"},
	OpResume:    {Name: "resume", Text: "{address}"},
	OpSuspend:   {Name: "suspend"},
	OpCallBegin: {Name: "begin"},
	OpCallEnd:   {Name: "end"},
	OpHook:      {Name: "hook", Text: "{hook} {frame}"},
	OpDealing: {
		Name: "dealing", Memory: Stores, Hypercall: true, Granted: "only hostile guests make it, and nobody asks what they make of an answer",
		Text: "{frame}", Unsaid: FieldErrno | FieldOff | FieldWidth | FieldValue, Verbs: dealingVerbs,
	},
}
