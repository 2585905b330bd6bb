// Package hypercall has the numbers of Xen's hypercall interface, as far as tables depend on it,
// and hands operations to the model's hypervisor: recorded ones and those of a guest that runs.
package hypercall

import "github.com/ptcheck/ptcheck/model"

// Numbers of hypercalls (Xen: public/xen.h).
const (
	SetTrapTable     = 0
	MMUUpdate        = 1
	SetGDT           = 2
	StackSwitch      = 3
	SetCallbacks     = 4
	FPUTaskSwitch    = 5
	PlatformOp       = 7
	SetDebugReg      = 8
	GetDebugReg      = 9
	UpdateDescriptor = 10
	MemoryOp         = 12
	Multicall        = 13
	UpdateVA         = 14
	SetTimer         = 15
	XenVersion       = 17
	ConsoleIO        = 18
	GrantTableOp     = 20
	VMAssist         = 21
	Iret             = 23
	VCPU             = 24
	SetSegmentBase   = 25
	MMUExt           = 26
	SchedOp          = 29
	EventChannel     = 32
	PhysdevOp        = 33
)

// Operations of mmuext_op (Xen: public/xen.h).
const (
	PinL1       = 0
	PinL4       = 3
	Unpin       = 4
	NewBaseptr  = 5
	SetLDT      = 13
	UserBaseptr = 15
	ClearPage   = 16
	CopyPage    = 17
)

// Preempted marks a hypercall that is taken up again (Xen: MMU_UPDATE_PREEMPTED).
const Preempted = 1 << 31

// Extended carries out an operation of mmuext_op. Those that flush change no table.
func Extended(m *model.Machine, cmd, arg1, arg2 uint64) model.Errno {
	n := model.MFN(arg1)
	switch {
	case cmd <= PinL4:
		return m.Pin(int(cmd)+1, n)
	case cmd == Unpin:
		return m.Unpin(n)
	case cmd == NewBaseptr:
		return m.NewBaseptr(n)
	case cmd == UserBaseptr:
		return m.NewUserBaseptr(n)
	case cmd == SetLDT:
		return m.SetLDT(model.VA(arg1), int(arg2))
	case cmd == ClearPage:
		return m.ClearFrame(n)
	case cmd == CopyPage:
		return m.CopyFrame(n, model.MFN(arg2))
	}
	return model.OK
}

// held finds requests that have the hypervisor hold a page of the guest's for writing, by
// number and operation: the page is the first word of their argument (Xen: map_vcpu_info,
// map_control_block and add_page_to_event_array of event_fifo.c). It is never written to.
var held = map[[2]uint64]bool{
	{VCPU, 10}:         true, // VCPUOP_register_vcpu_info
	{EventChannel, 11}: true, // EVTCHNOP_init_control
	{EventChannel, 12}: true, // EVTCHNOP_expand_array
}

// Holds reports whether a request has the hypervisor hold a page of the guest's.
func Holds(number, operation uint64) bool { return held[[2]uint64{number, operation}] }
