package system

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// hostileOp describes an operation: its name in scenarios, its operands, and how
// it is issued.
type hostileOp struct {
	name string
	args []model.Operand
	do   func(h *HostileModel, a [3]int) model.Errno
	// refused says that a right hypervisor refuses it always.
	refused bool
}

// hostileOps are the operations of a hostile guest: verbs of the table of operations,
// and accesses to memory. It is never written to.
var hostileOps = [...]hostileOp{
	issued("mu"), issued("m2p"), issued("uva"), issued("uva-wild"),
	{name: "put", args: []model.Operand{model.OperandPage, model.OperandSlot, model.OperandEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8), 8, uint64(h.sys.values[a[2]]))
	}},
	{name: "put-low", args: []model.Operand{model.OperandPage, model.OperandSlot, model.OperandEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8), 4, uint64(h.sys.values[a[2]])&0xffff_ffff)
	}},
	{name: "put-high", args: []model.Operand{model.OperandPage, model.OperandSlot, model.OperandEntry}, do: func(h *HostileModel, a [3]int) model.Errno {
		return h.store(h.page(a[0])+model.VA(a[1]*8+4), 4, uint64(h.sys.values[a[2]])>>32)
	}},
	{name: "touch", args: []model.Operand{model.OperandPage}, do: func(h *HostileModel, a [3]int) model.Errno {
		if _, fault := h.m.Access(h.page(a[0]), true); fault == model.WalkOK {
			return model.OK
		}
		if _, fault := h.m.Access(h.page(a[0]), false); fault != model.WalkOK {
			return model.EFAULT
		}
		return model.OK
	}},
	issued("pin"), issued("pin-part"), issued("pin-late"), issued("unpin"), issued("unpin-part"), issued("finish"),
	issued("cr3"), issued("ucr3"), issued("gdt"), issued("gdt-none"), issued("flush"),
	issued("release"), issued("give"), issued("obtain"), issued("other"), issued("lend"), issued("unlend"), issued("unlend-device"),
	issued("grant-pte"), issued("assign"), issued("result"), issued("unshare"), issued("iret"), issued("kill"),
}

// issued is a verb of the table of operations.
func issued(name string) hostileOp {
	_, v := model.FindVerb(name)
	return hostileOp{name: name, args: v.Args, refused: v.Denied, do: func(h *HostileModel, a [3]int) model.Errno {
		return v.Issue(h.m, h.operands(v.Args, a))
	}}
}

// operands are those of a verb.
func (m *HostileModel) operands(kinds []model.Operand, a [3]int) (o model.Operands) {
	frames := 0
	for n, k := range kinds {
		switch k {
		case model.OperandFrame, model.OperandOther, model.OperandFrameOrNone:
			if frames++; frames == 1 {
				o.Frame = model.MFN(a[n])
			} else {
				o.Second = model.MFN(a[n])
			}
		case model.OperandEntry:
			o.Entry = m.sys.values[a[n]]
		case model.OperandPage:
			o.VA = m.page(a[n])
		case model.OperandPlace:
			o.Place = a[n]
		default:
			o.N = uint64(a[n])
		}
	}
	return o
}

// hostileCode packs an operation with its operands.
func hostileCode(op int, a [3]int) uint64 {
	return uint64(op)<<24 | uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2])
}

func hostileParts(code uint64) (*hostileOp, [3]int) {
	return &hostileOps[code>>24], [3]int{int(code >> 16 & 0xff), int(code >> 8 & 0xff), int(code & 0xff)}
}

// bounds is the range of an operand.
func (h *Hostile) bounds(k model.Operand) (from, to int) {
	switch k {
	case model.OperandFrame, model.OperandFrameOrNone:
		return 0, h.o.Frames
	case model.OperandOther:
		return h.o.Frames, h.o.Frames + len(h.o.Extra)
	case model.OperandSlot:
		return 0, h.geo.Words()
	case model.OperandLevel:
		return 1, h.geo.Levels + 1
	case model.OperandPage:
		return 0, 1 << (h.geo.VABits() - model.PageShift)
	case model.OperandEntry:
		return 0, len(h.values)
	case model.OperandPlace:
		return 1, h.o.Interrupts + 1
	}
	panic("system: hyper: a hostile guest has no range of " + k.String())
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
		case model.OperandFrame, model.OperandFrameOrNone, model.OperandOther:
			fmt.Fprintf(&b, " f%d", a[n])
		case model.OperandEntry:
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
