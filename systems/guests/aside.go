package guests

import (
	"encoding/binary"
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// What tables do not depend on, as far as a kernel needs it to get through its boot.

const notThere = -int64(model.ENOSYS)

// aside carries out a request that is not about tables.
func (h *host) aside(r *request) int64 {
	a := &r.args
	switch r.number {
	case hypercall.SetTrapTable:
		return h.setTraps(a[0])
	case hypercall.XenVersion:
		return h.version(a[0], a[1])
	case hypercall.ConsoleIO:
		return h.consoleIO(a[0], a[1], a[2])
	case hypercall.SetSegmentBase:
		return h.setSegmentBase(a[0], a[1])
	case hypercall.SchedOp:
		return h.schedule(a[0], a[1])
	case hypercall.EventChannel:
		return h.eventChannel(a[0], a[1])
	case hypercall.PhysdevOp:
		return h.physdev(a[0])
	case hypercall.StackSwitch, hypercall.SetCallbacks, hypercall.FPUTaskSwitch, hypercall.SetDebugReg,
		hypercall.GetDebugReg, hypercall.SetTimer, callbackOp:
		return 0
	}
	return notThere
}

const callbackOp = 30

// setTraps takes over where the guest wants its exceptions (Xen: struct trap_info).
func (h *host) setTraps(va uint64) int64 {
	if va == 0 {
		h.traps = [256]trapGate{}
		return 0
	}
	for i := range uint64(256) {
		w, err := h.words(va+16*i, 2)
		if err != nil {
			return -int64(model.EFAULT)
		}
		if w[1] == 0 {
			break
		}
		h.traps[w[0]&0xff] = trapGate{address: w[1], masks: w[0]>>8&4 != 0}
	}
	return 0
}

// version answers xen_version: 4.17, and what it offers paravirtual guests (Xen:
// common/kernel.c, XENVER_get_features).
func (h *host) version(cmd, arg uint64) int64 {
	const (
		extraVersion, capabilities, platform, getFeatures, pageSize, guestHandle = 1, 3, 5, 6, 7, 8

		preserveAD, highmemAssist, grantBits, dom0 = 1 << 5, 1 << 6, 1 << 7, 1 << 11
	)
	var err error
	switch cmd {
	case 0:
		return 4<<16 | 17
	case extraVersion:
		err = h.write(arg, []byte(".0\x00"))
	case capabilities:
		err = h.write(arg, []byte("xen-3.0-x86_64\x00"))
	case platform:
		err = h.store(arg, m2pVA)
	case getFeatures:
		var w []uint64
		if w, err = h.words(arg, 1); err == nil {
			features := uint64(0)
			if w[0]&0xffffffff == 0 {
				features = preserveAD | highmemAssist | grantBits
				if h.d.m.Kind == model.Dom0 {
					features |= dom0
				}
			}
			err = h.store(arg, w[0]&0xffffffff|features<<32)
		}
	case pageSize:
		return model.PageSize
	case guestHandle:
		err = h.store(arg, 0, 0)
	default:
		return notThere
	}
	if err != nil {
		return -int64(model.EFAULT)
	}
	return 0
}

// consoleIO takes what the guest says.
func (h *host) consoleIO(cmd, n, va uint64) int64 {
	const most = 1 << 12
	b := make([]byte, min(n, most))
	if cmd != 0 {
		return 0
	}
	if h.read(va, b) != nil {
		return -int64(model.EFAULT)
	}
	h.console = append(h.console, b...)
	return 0
}

// Model-specific registers that a guest may use.
const (
	msrAPICBase   = 0x1b
	msrMicrocode  = 0x8b
	msrMiscEnable = 0x1a0
	msrPAT        = 0x277
	msrEFER       = 0xc0000080
	msrFSBase     = 0xc0000100
	msrGSBase     = 0xc0000101
	msrShadowGS   = 0xc0000102

	xenPAT = 0x050100070406
)

// setSegmentBase sets a segment's base (Xen: do_set_segment_base).
func (h *host) setSegmentBase(which, base uint64) int64 {
	msr := [...]uint32{msrFSBase, msrShadowGS, msrGSBase}
	if which < uint64(len(msr)) {
		h.setMSR(msr[which], base)
	}
	return 0
}

func (h *host) setMSR(id uint32, v uint64) {
	h.bases[id] = v
	h.p.SetMSR(id, v)
}

// schedule is sched_op: a guest that waits waits for ever here, one that shuts down is over.
func (h *host) schedule(cmd, arg uint64) int64 {
	const yield, block, shutdown = 0, 1, 2
	switch cmd {
	case block:
		h.end("halt", "the guest waits for an event, and none comes")
	case shutdown:
		reason := uint64(0)
		if w, err := h.words(arg, 1); err == nil {
			reason = w[0] & 0xffffffff
		}
		names := [...]string{"poweroff", "reboot", "suspend", "crash"}
		if reason < uint64(len(names)) {
			h.end("shutdown", "reason "+names[reason])
		} else {
			h.end("shutdown", fmt.Sprintf("reason %d", reason))
		}
	case yield:
	default:
		return notThere
	}
	return 0
}

// eventChannel hands out event channels; events never come.
func (h *host) eventChannel(cmd, arg uint64) int64 {
	const bindVIRQ, allocUnbound, bindIPI, bindVCPU, unmask = 1, 6, 7, 8, 9
	at := uint64(0) // where the struct has its port
	switch cmd {
	case bindVIRQ, bindIPI:
		at = 8
		if cmd == bindIPI {
			at = 4
		}
	case allocUnbound:
		at = 4
	case bindVCPU, unmask:
		return 0
	default:
		return notThere
	}
	h.port++
	if h.write(arg+at, binary.LittleEndian.AppendUint32(nil, h.port)) != nil {
		return -int64(model.EFAULT)
	}
	return 0
}

// physdev is physdev_op. What devices there are the guest need not know.
func (h *host) physdev(cmd uint64) int64 {
	const setIOPL, setBitmap = 6, 7
	if h.d.m.Kind == model.Dom0 && (cmd == setIOPL || cmd == setBitmap) {
		return 0
	}
	return notThere
}

// vcpuOp is vcpu_op. Who registers a vcpu_info has the hypervisor hold its page.
func (h *host) vcpuOp(at *call, r *request) int64 {
	const down, isUp, registerRunstate, stopPeriodic, stopSingle, registerInfo = 2, 3, 5, 7, 9, 10
	const noSuch = -2 // ENOENT
	if r.args[1] != 0 {
		return noSuch // there is one processor
	}
	switch r.args[0] {
	case down:
		h.end("shutdown", "the processor goes down")
		return 0
	case isUp:
		return 1
	case registerRunstate, stopPeriodic, stopSingle:
		return 0
	case registerInfo:
		return h.registerInfo(at, r)
	}
	return notThere
}

func (h *host) registerInfo(at *call, r *request) int64 {
	const size = 64
	if len(r.block) < 2 || r.block[1]&0xffffffff > model.PageSize-size {
		return -int64(model.EINVAL)
	}
	f := h.l.Map.Frame(model.MFN(r.block[0]))
	if f == model.NoFrame {
		return -int64(model.EINVAL)
	}
	rc := h.operate(at, func() model.Errno { return h.m.Lend(f) })
	if rc != model.OK {
		return answerOf(rc)
	}
	b := make([]byte, size)
	if h.p.Read(h.vcpuInfo, b) {
		h.vcpuInfo = r.block[0]<<12 + r.block[1]&0xffffffff
		h.p.Write(h.vcpuInfo, b)
	}
	return 0
}

// Operations of memory_op (Xen: public/memory.h).
const (
	memDecrease   = 1
	memCurrent    = 3
	memMaximum    = 4
	memPopulate   = 6
	memMap        = 9
	memExchange   = 11
	memMachineMap = 10
	memM2P        = 12
	memCommand    = 1<<6 - 1
)

// reservation reads the frames that a memory_op lists (Xen: struct xen_memory_reservation).
func (h *host) reservation(r *request) ([]uint64, error) {
	if cmd := r.args[0] & memCommand; cmd != memDecrease && cmd != memPopulate {
		return nil, nil
	}
	w, err := h.words(r.args[1], 3)
	if err != nil {
		return nil, err
	}
	return h.words(w[0], int(min(w[1], mostItems)))
}

// memoryOp is memory_op.
func (h *host) memoryOp(at *call, r *request) int64 {
	arg := r.args[1]
	var err error
	switch r.args[0] & memCommand {
	case memDecrease:
		for i, w := range r.block {
			f := h.l.Map.Frame(model.MFN(w))
			if f == model.NoFrame || h.operate(at, func() model.Errno { return h.m.Release(f) }) != model.OK {
				return int64(i)
			}
			h.setM2P(w, ^uint64(0))
		}
		return int64(len(r.block))
	case memPopulate:
		return 0 // no memory is left
	case memExchange:
		return -int64(model.ENOMEM) // nor in one piece, as it was on a real machine of this size
	case memMaximum:
		if h.d.m.Kind == model.Dom0 {
			return 1<<32 - 1 // there is no limit
		}
		return int64(h.d.m.Pages)
	case memCurrent:
		return int64(h.d.m.Pages)
	case memMap:
		err = h.tellMap(arg, []emulator.Range{{Start: 0, End: uint64(h.d.m.Pages) << 12, Kind: emulator.Usable}})
	case memMachineMap:
		if h.d.m.Kind != model.Dom0 {
			return -int64(model.EPERM)
		}
		err = h.tellMap(arg, h.d.toldMap())
	case memM2P:
		err = h.store(arg, m2pVA, m2pVA+h.d.frames()*8, h.d.frames()-1)
	default:
		return notThere
	}
	if err != nil {
		return -int64(model.EFAULT)
	}
	return 0
}

// tellMap tells the guest a memory map (Xen: struct xen_memory_map).
func (h *host) tellMap(arg uint64, list []emulator.Range) error {
	w, err := h.words(arg, 2)
	if err != nil {
		return err
	}
	n := min(int(w[0]&0xffffffff), len(list))
	var b []byte
	for _, x := range list[:n] {
		b = binary.LittleEndian.AppendUint64(b, x.Start)
		b = binary.LittleEndian.AppendUint64(b, x.End-x.Start)
		b = binary.LittleEndian.AppendUint32(b, uint32(x.Kind))
	}
	if err := h.write(w[1], b); err != nil {
		return err
	}
	return h.write(arg, binary.LittleEndian.AppendUint32(nil, uint32(n)))
}
