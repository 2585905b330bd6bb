package system

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// operand is the kind of an operation's argument.
type operand uint8

const (
	anyFrame   operand = iota + 1 // a frame of the guest's
	otherFrame                    // a frame of others
	anySlot
	anyLevel
	anyPage  // a page of the address space
	anyEntry // an entry of the alphabet
	anyPlace // a place to be interrupted at, counted from 1
	anyBool  // 0 or 1
)

// hostileOp describes an operation: its name in scenarios, its operands, and how
// it is issued.
type hostileOp struct {
	name string
	args []operand
	do   func(h *HostileModel, a [3]int) model.Errno
	// refused says that a right hypervisor refuses it always.
	refused bool
}

// hostileOps are the operations of a hostile guest. It is never written to.
var hostileOps = [...]hostileOp{
	{name: "mu", args: []operand{anyFrame, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.MMUUpdate(uint64(a[0])<<model.PageShift+uint64(a[1]*8), h.sys.values[a[2]])
	}},
	{name: "mua", args: []operand{anyFrame, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.MMUUpdate(uint64(a[0])<<model.PageShift+uint64(a[1]*8)+model.MMUPreserveAD, h.sys.values[a[2]])
	}},
	{name: "m2p", args: []operand{anyFrame, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.MMUUpdate(uint64(a[0])<<model.PageShift+1, h.sys.values[a[1]])
	}},
	{name: "uva", args: []operand{anyPage, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.UpdateVAMapping(h.page(a[0]), h.sys.values[a[1]], model.UVMFNone)
	}},
	{name: "uva-flush", args: []operand{anyPage, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.UpdateVAMapping(h.page(a[0]), h.sys.values[a[1]], model.UVMFInvlpg)
	}},
	{name: "uva-wild", do: func(h *HostileModel, _ [3]int) model.Errno {
		return h.m.UpdateVAMapping(1<<50, 0, model.UVMFInvlpg)
	}, refused: true},
	{name: "put", args: []operand{anyPage, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8), 8, uint64(h.sys.values[a[2]]), false)
	}},
	{name: "put-locked", args: []operand{anyPage, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8), 8, uint64(h.sys.values[a[2]]), true)
	}},
	{name: "put-low", args: []operand{anyPage, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8), 4, uint64(h.sys.values[a[2]])&0xffff_ffff, false)
	}},
	{name: "put-high", args: []operand{anyPage, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8+4), 4, uint64(h.sys.values[a[2]])>>32, false)
	}},
	{name: "touch", args: []operand{anyPage}, do: func(h *HostileModel, a [3]int) model.Errno {
		if _, fault := h.m.Access(h.page(a[0]), true); fault == model.WalkOK {
			return model.OK
		}
		if _, fault := h.m.Access(h.page(a[0]), false); fault != model.WalkOK {
			return model.EFAULT
		}
		return model.OK
	}},
	{name: "pin", args: []operand{anyLevel, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.Pin(a[0], model.MFN(a[1]))
	}},
	{name: "pin-part", args: []operand{anyLevel, anyFrame, anyPlace}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.interrupted(a[2], func() model.Errno { return h.m.Pin(a[0], model.MFN(a[1])) })
	}},
	{name: "pin-busy", args: []operand{anyLevel, anyFrame, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		h.m.Busy(model.Frame(a[2]))
		rc := h.m.Pin(a[0], model.MFN(a[1]))
		h.m.Busy(model.NoFrame)
		return rc
	}},
	{name: "pin-late", args: []operand{anyLevel, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		h.m.Defer(true)
		rc := h.m.Pin(a[0], model.MFN(a[1]))
		h.m.Defer(false)
		return rc
	}},
	{name: "unpin", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Unpin(model.MFN(a[0])) }},
	{name: "unpin-part", args: []operand{anyFrame, anyPlace}, do: func(h *HostileModel, a [3]int) model.Errno {
		if h.s.Pending() != model.NoFrame {
			return model.EINVAL
		}
		return h.interrupted(a[1], func() model.Errno { return h.m.Unpin(model.MFN(a[0])) })
	}},
	{name: "finish", do: func(h *HostileModel, _ [3]int) model.Errno { return h.m.Finish() }},
	{name: "finish-part", args: []operand{anyPlace}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.interrupted(a[0], h.m.Finish)
	}},
	{name: "cr3-part", args: []operand{anyFrame, anyPlace}, do: func(h *HostileModel, a [3]int) model.Errno {
		if h.s.Pending() != model.NoFrame {
			return model.EINVAL
		}
		return h.interrupted(a[1], func() model.Errno { return h.m.NewBaseptr(model.MFN(a[0])) })
	}},
	{name: "ucr3-part", args: []operand{anyFrame, anyPlace}, do: func(h *HostileModel, a [3]int) model.Errno {
		if h.s.Pending() != model.NoFrame {
			return model.EINVAL
		}
		return h.interrupted(a[1], func() model.Errno { return h.m.NewUserBaseptr(model.MFN(a[0])) })
	}},
	{name: "cr3", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.NewBaseptr(model.MFN(a[0])) }},
	{name: "ucr3", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.NewUserBaseptr(model.MFN(a[0])) }},
	{name: "gdt", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.SetGDT(model.MFN(a[0])) }},
	{name: "gdt-two", args: []operand{anyFrame, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.SetGDT(model.MFN(a[0]), model.MFN(a[1]))
	}},
	{name: "gdt-none", do: func(h *HostileModel, _ [3]int) model.Errno { return h.m.SetGDT() }},
	{name: "flush", do: func(h *HostileModel, _ [3]int) model.Errno { return h.m.FlushLocal() }},
	{name: "invlpg", args: []operand{anyPage}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.InvalidatePage(h.page(a[0])) }},
	{name: "clear", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.ClearFrame(model.MFN(a[0])) }},
	{name: "copy", args: []operand{anyFrame, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.CopyFrame(model.MFN(a[0]), model.MFN(a[1]))
	}},
	{name: "assist-stores", args: []operand{anyBool}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.VMAssist(model.AssistStores, a[0] == 1)
	}},
	{name: "assist-m2p", args: []operand{anyBool}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.VMAssist(model.AssistM2PStrict, a[0] == 1)
	}},
	{name: "release", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Release(model.Frame(a[0])) }},
	{name: "give", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Steal(model.Frame(a[0])) }},
	{name: "obtain", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Obtain(model.Frame(a[0])) }},
	{name: "other", args: []operand{anyFrame, anySlot, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.StoreOther(model.Frame(a[0]), a[1], h.sys.values[a[2]])
	}},
	{name: "lend", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Lend(model.Frame(a[0])) }},
	{name: "unlend", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Unlend(model.Frame(a[0])) }},
	{name: "unlend-device", args: []operand{anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.UnlendDevice(model.Frame(a[0])) }, refused: true},
	{name: "grant-pte", args: []operand{anyFrame, anySlot, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.GrantPTE(model.Frame(a[0]), a[1]*8+4, model.Frame(a[2]), true)
	}, refused: true},
	{name: "grant-map", args: []operand{anyFrame, anySlot, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.GrantPTE(model.Frame(a[0]), a[1]*8, model.Frame(a[2]), true)
	}},
	{name: "grant-read", args: []operand{anyFrame, anySlot, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.GrantPTE(model.Frame(a[0]), a[1]*8, model.Frame(a[2]), false)
	}},
	{name: "grant-unmap", args: []operand{anyFrame, anySlot}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.UngrantPTE(model.Frame(a[0]), a[1]*8)
	}},
	{name: "assign", do: func(h *HostileModel, _ [3]int) model.Errno { return h.m.AssignDevice() }},
	{name: "result", args: []operand{anyFrame, anySlot, anyFrame}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.StoreResult(model.Frame(a[0]), a[1], model.MFN(a[2]))
	}, refused: true},
	{name: "unshare", args: []operand{otherFrame}, do: func(h *HostileModel, a [3]int) model.Errno { return h.m.Unshare(model.Frame(a[0])) }},
	{name: "iret", args: []operand{anyPage, anyEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.m.Iret(h.page(a[0]), h.sys.values[a[1]])
	}},
	{name: "kill", do: func(h *HostileModel, _ [3]int) model.Errno { return h.m.Kill() }},
}

// hostileCode packs an operation with its operands.
func hostileCode(op int, a [3]int) uint64 {
	return uint64(op)<<24 | uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2])
}

func hostileParts(code uint64) (*hostileOp, [3]int) {
	return &hostileOps[code>>24], [3]int{int(code >> 16 & 0xff), int(code >> 8 & 0xff), int(code & 0xff)}
}

// bounds is the range of an operand.
func (h *Hostile) bounds(k operand) (from, to int) {
	switch k {
	case anyFrame:
		return 0, h.o.Frames
	case otherFrame:
		return h.o.Frames, h.o.Frames + len(h.o.Extra)
	case anySlot:
		return 0, h.geo.Words()
	case anyLevel:
		return 1, h.geo.Levels + 1
	case anyPage:
		return 0, 1 << (h.geo.VABits() - model.PageShift)
	case anyEntry:
		return 0, len(h.values)
	case anyBool:
		return 0, 2
	}
	return 1, h.o.Interrupts + 1
}

// eachCall appends the codes of an operation with all operands.
func (h *Hostile) eachCall(dst []uint64, op, n int, a [3]int) []uint64 {
	args := hostileOps[op].args
	if n == len(args) {
		return append(dst, hostileCode(op, a))
	}
	from, to := h.bounds(args[n])
	for a[n] = from; a[n] < to; a[n]++ {
		dst = h.eachCall(dst, op, n+1, a)
	}
	return dst
}

// OpText writes an operation as scenarios have it.
func (h *Hostile) OpText(code uint64) string {
	op, a := hostileParts(code)
	var b strings.Builder
	b.WriteString(op.name)
	for n, k := range op.args {
		switch k {
		case anyFrame, otherFrame:
			fmt.Fprintf(&b, " f%d", a[n])
		case anyEntry:
			b.WriteString(" " + h.entryText(h.values[a[n]]))
		default:
			fmt.Fprintf(&b, " %d", a[n])
		}
	}
	return b.String()
}

func (h *Hostile) entryText(e model.Entry) string {
	if e == 0 {
		return "0"
	}
	if f := e.MFN(); e&^(model.FrameMask|0xfff|model.NX|model.GuestKernel) == 0 && int(f) < h.o.Frames+len(h.o.Extra) && e.Flags() != 0 {
		return fmt.Sprintf("f%d:%s", f, model.AppendFlags(nil, e))
	}
	return fmt.Sprintf("0x%x", uint64(e))
}
