package hostile

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
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
)

// operation describes an operation: its name in scenarios, its operands, and how
// it is issued.
type operation struct {
	name string
	args []operand
	do   func(m *Model, o Op) model.Errno
	// refused says that a right hypervisor refuses it always.
	refused bool
	// gives is what a guest can do that has it, as far as rules ask.
	gives invariants.Means
}

// operations are the operations of a hostile guest. It is never written to.
var operations = [...]operation{
	{name: "mu", args: []operand{anyFrame, anySlot, anyEntry}, gives: invariants.WritesEntries | invariants.MapsPages | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno {
		return m.m.MMUUpdate(uint64(o.args[0])<<model.PageShift+uint64(o.args[1])*8, o.entry)
	}},
	{name: "m2p", args: []operand{anyFrame, anyEntry}, gives: invariants.AboutFrames, do: func(m *Model, o Op) model.Errno {
		return m.m.MMUUpdate(uint64(o.args[0])<<model.PageShift+1, o.entry)
	}},
	{name: "uva", args: []operand{anyPage, anyEntry}, gives: invariants.UpdatesByVA | invariants.MapsPages, do: func(m *Model, o Op) model.Errno {
		return m.m.UpdateVAMapping(m.page(o.args[0]), o.entry, model.UVMFNone)
	}},
	{name: "uva-wild", do: func(m *Model, _ Op) model.Errno {
		return m.m.UpdateVAMapping(1<<50, 0, model.UVMFInvlpg)
	}, refused: true},
	{name: "put", args: []operand{anyPage, anySlot, anyEntry}, gives: invariants.StoresToTables | invariants.MapsPages | invariants.UsesPages, do: func(m *Model, o Op) model.Errno {
		return m.store(m.page(o.args[0])+model.VA(o.args[1])*8, 8, uint64(o.entry))
	}},
	{name: "put-low", args: []operand{anyPage, anySlot, anyEntry}, gives: invariants.StoresToTables, do: func(m *Model, o Op) model.Errno {
		return m.store(m.page(o.args[0])+model.VA(o.args[1])*8, 4, uint64(o.entry)&0xffff_ffff)
	}},
	{name: "put-high", args: []operand{anyPage, anySlot, anyEntry}, gives: invariants.StoresToTables, do: func(m *Model, o Op) model.Errno {
		return m.store(m.page(o.args[0])+model.VA(o.args[1])*8+4, 4, uint64(o.entry)>>32)
	}},
	{name: "touch", args: []operand{anyPage}, gives: invariants.UsesPages, do: func(m *Model, o Op) model.Errno {
		if _, fault := m.m.Access(m.page(o.args[0]), true); fault == model.WalkOK {
			return model.OK
		}
		if _, fault := m.m.Access(m.page(o.args[0]), false); fault != model.WalkOK {
			return model.EFAULT
		}
		return model.OK
	}},
	{name: "pin", args: []operand{anyLevel, anyFrame}, gives: invariants.Pins, do: func(m *Model, o Op) model.Errno {
		return m.m.Pin(int(o.args[0]), model.MFN(o.args[1]))
	}},
	{name: "pin-part", args: []operand{anyLevel, anyFrame, anyPlace}, gives: invariants.Pins | invariants.Interruptible, do: func(m *Model, o Op) model.Errno {
		return m.interrupted(o.args[2], func() model.Errno { return m.m.Pin(int(o.args[0]), model.MFN(o.args[1])) })
	}},
	{name: "pin-late", args: []operand{anyLevel, anyFrame}, gives: invariants.Pins | invariants.PinsUnfinished, do: func(m *Model, o Op) model.Errno {
		m.m.Defer(true)
		rc := m.m.Pin(int(o.args[0]), model.MFN(o.args[1]))
		m.m.Defer(false)
		return rc
	}},
	{name: "unpin", args: []operand{anyFrame}, do: func(m *Model, o Op) model.Errno { return m.m.Unpin(model.MFN(o.args[0])) }},
	{name: "unpin-part", args: []operand{anyFrame, anyPlace}, gives: invariants.Interruptible, do: func(m *Model, o Op) model.Errno {
		if m.s.Pending() != model.NoFrame {
			return model.EINVAL
		}
		return m.interrupted(o.args[1], func() model.Errno { return m.m.Unpin(model.MFN(o.args[0])) })
	}},
	{name: "finish", do: func(m *Model, _ Op) model.Errno { return m.m.Finish() }},
	{name: "cr3", args: []operand{anyFrame}, gives: invariants.LoadsRoots | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.NewBaseptr(model.MFN(o.args[0])) }},
	{name: "ucr3", args: []operand{anyFrame}, gives: invariants.LoadsRoots | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.NewUserBaseptr(model.MFN(o.args[0])) }},
	{name: "gdt", args: []operand{anyFrame}, gives: invariants.LoadsGDT | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.SetGDT(model.MFN(o.args[0])) }},
	{name: "gdt-none", do: func(m *Model, _ Op) model.Errno { return m.m.SetGDT() }},
	{name: "flush", do: func(m *Model, _ Op) model.Errno { return m.m.FlushLocal() }},
	{name: "release", args: []operand{anyFrame}, gives: invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.Release(model.Frame(o.args[0])) }},
	{name: "give", args: []operand{anyFrame}, gives: invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.Steal(model.Frame(o.args[0])) }},
	{name: "obtain", args: []operand{anyFrame}, do: func(m *Model, o Op) model.Errno { return m.m.Obtain(model.Frame(o.args[0])) }},
	{name: "other", args: []operand{anyFrame, anySlot, anyEntry}, do: func(m *Model, o Op) model.Errno {
		return m.m.StoreOther(model.Frame(o.args[0]), int(o.args[1]), o.entry)
	}},
	{name: "lend", args: []operand{anyFrame}, gives: invariants.Lends | invariants.UsesPages | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno { return m.m.Lend(model.Frame(o.args[0])) }},
	{name: "unlend", args: []operand{anyFrame}, do: func(m *Model, o Op) model.Errno { return m.m.Unlend(model.Frame(o.args[0])) }},
	{name: "unlend-device", args: []operand{anyFrame}, do: func(m *Model, o Op) model.Errno { return m.m.UnlendDevice(model.Frame(o.args[0])) }, refused: true},
	{name: "grant-pte", args: []operand{anyFrame, anySlot, anyFrame}, gives: invariants.MapsPages | invariants.AboutFrames, do: func(m *Model, o Op) model.Errno {
		return m.m.GrantPTE(model.Frame(o.args[0]), int(o.args[1])*8+4, model.Frame(o.args[2]))
	}, refused: true},
	{name: "assign", gives: invariants.AssignsDevices, do: func(m *Model, _ Op) model.Errno { return m.m.AssignDevice() }},
	{name: "result", args: []operand{anyFrame, anySlot, anyFrame}, gives: invariants.AboutFrames, do: func(m *Model, o Op) model.Errno {
		return m.m.StoreResult(model.Frame(o.args[0]), int(o.args[1]), model.MFN(o.args[2]))
	}, refused: true},
	{name: "unshare", args: []operand{otherFrame}, do: func(m *Model, o Op) model.Errno { return m.m.Unshare(model.Frame(o.args[0])) }},
	{name: "iret", args: []operand{anyPage, anyEntry}, do: func(m *Model, o Op) model.Errno {
		return m.m.Iret(m.page(o.args[0]), o.entry)
	}},
	{name: "kill", gives: invariants.Dies, do: func(m *Model, _ Op) model.Errno { return m.m.Kill() }},
}

// Op is an operation by its parts, or a race.
type Op struct {
	n     uint8       // its number among the operations
	args  [3]uint8    // its operands, those apart that are entries
	entry model.Entry // the entry, if there is one
	// place makes it a race: where the operation is stopped inside the hypervisor,
	// counted from 1; and beside are the operations of the other processor.
	place  uint8
	beside []Op
}

// codeOf packs an operation with its operands, entries by their number.
func codeOf(op int, a [3]uint8) uint64 {
	return uint64(op)<<24 | uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2])
}

// op is the operation of a code.
func (h *Guest) op(code uint64) Op {
	o := Op{n: uint8(code >> 24), args: [3]uint8{uint8(code >> 16), uint8(code >> 8), uint8(code)}}
	for i, kind := range operations[o.n].args {
		if kind == anyEntry {
			o.entry, o.args[i] = h.values[o.args[i]], 0
		}
	}
	return o
}

// bounds is the range of an operand.
func (h *Guest) bounds(k operand) (from, to int) {
	switch k {
	case anyFrame:
		return 0, h.o.Frames
	case otherFrame:
		return h.o.Frames, h.o.all()
	case anySlot:
		return 0, h.geo.Words()
	case anyLevel:
		return 1, h.geo.Levels + 1
	case anyPage:
		return 0, 1 << (h.geo.VABits() - model.PageShift)
	case anyEntry:
		return 0, len(h.values)
	}
	return 1, h.o.Interrupts + 1
}

// eachCall appends the codes of an operation with all operands.
func (h *Guest) eachCall(dst []uint64, op, n int, a [3]uint8) []uint64 {
	args := operations[op].args
	if n == len(args) {
		return append(dst, codeOf(op, a))
	}
	from, to := h.bounds(args[n])
	for i := from; i < to; i++ {
		a[n] = uint8(i)
		dst = h.eachCall(dst, op, n+1, a)
	}
	return dst
}

// text writes an operation in one line.
func (o *Options) text(op Op) string {
	lines := o.lines(op)
	if op.place == 0 {
		return lines[0]
	}
	return fmt.Sprintf("%s | at %d: %s", lines[1], op.place, strings.Join(lines[2:len(lines)-1], "; "))
}

// lines writes an operation as scenarios have it: a race in several lines.
func (o *Options) lines(op Op) []string {
	var b strings.Builder
	b.WriteString(operations[op.n].name)
	for i, kind := range operations[op.n].args {
		switch kind {
		case anyFrame, otherFrame:
			fmt.Fprintf(&b, " f%d", op.args[i])
		case anyEntry:
			b.WriteString(" " + o.entryText(op.entry))
		default:
			fmt.Fprintf(&b, " %d", op.args[i])
		}
	}
	if op.place == 0 {
		return []string{b.String()}
	}
	out := []string{fmt.Sprintf("stop %d", op.place), b.String()}
	for _, other := range op.beside {
		out = append(out, o.lines(other)...)
	}
	return append(out, "go")
}

// entryText writes an entry, by the name of its frame if it has one and flags alone.
func (o *Options) entryText(e model.Entry) string {
	if e == 0 {
		return "0"
	}
	if f := e.MFN(); e&^(model.FrameMask|0xfff|model.NX|model.GuestKernel) == 0 && int(f) < o.all() && e.Flags() != 0 {
		return fmt.Sprintf("f%d:%s", f, model.AppendFlags(nil, e))
	}
	return fmt.Sprintf("0x%x", uint64(e))
}
