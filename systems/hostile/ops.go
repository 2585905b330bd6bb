package hostile

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// operation describes an operation: its name in scenarios, its operands, and how
// it is issued.
type operation struct {
	name string
	args []model.Operand
	do   func(m *Model, o Op) model.Errno
	// refused says that a right hypervisor refuses it always.
	refused bool
	// gives is what a guest can do that has it, as far as rules ask, and alone what it
	// can do besides if it makes the operation while nothing races.
	gives, alone invariants.Means
}

// operations are the operations of a hostile guest: verbs of the table of operations,
// and accesses to memory. It is never written to.
var operations = [...]operation{
	issued("mu", invariants.WritesEntries|invariants.MapsPages|invariants.AboutFrames, invariants.StoresEntries),
	issued("mua", invariants.AboutFrames|invariants.KeepsUse, invariants.StoresEntries), // guests that have it are about the bits
	issued("m2p", invariants.AboutFrames, 0),
	issued("uva", invariants.UpdatesByVA|invariants.MapsPages, invariants.StoresEntries),
	issued("uva-flush", invariants.UpdatesByVA|invariants.MapsPages|invariants.Flushes, invariants.StoresEntries),
	issued("uva-flush-all", invariants.UpdatesByVA|invariants.MapsPages|invariants.Flushes, invariants.StoresEntries),
	issued("uva-wild", 0, 0),
	stored("put", 0, 8, false),
	stored("put-locked", 0, 8, true),
	stored("put-low", 0, 4, false),
	stored("put-high", 4, 4, false),
	{name: "touch", args: []model.Operand{model.OperandPage}, gives: invariants.UsesPages, do: func(m *Model, o Op) model.Errno {
		if _, fault := m.m.Access(m.page(o.args[0]), true); fault == model.WalkOK {
			return model.OK
		}
		if _, fault := m.m.Access(m.page(o.args[0]), false); fault != model.WalkOK {
			return model.EFAULT
		}
		return model.OK
	}},
	issued("pin", invariants.Pins, invariants.AsksForUses|invariants.AuditsTables),
	issued("pin-part", invariants.Pins|invariants.Interruptible, 0),
	issued("pin-busy", invariants.Pins, 0),
	issued("pin-late", invariants.Pins|invariants.PinsUnfinished, 0),
	issued("unpin", 0, invariants.AsksForUses),
	issued("unpin-part", invariants.Interruptible, 0),
	issued("finish", 0, 0),
	issued("finish-part", 0, 0),
	issued("cr3", invariants.LoadsRoots|invariants.AboutFrames, invariants.AsksForUses),
	issued("cr3-part", invariants.LoadsRoots|invariants.AboutFrames|invariants.Interruptible, 0),
	issued("ucr3", invariants.LoadsRoots|invariants.AboutFrames, invariants.AsksForUses),
	issued("ucr3-part", invariants.LoadsRoots|invariants.AboutFrames|invariants.Interruptible, 0),
	issued("gdt", invariants.LoadsGDT|invariants.AboutFrames, invariants.AsksForUses),
	issued("gdt-two", invariants.LoadsGDT|invariants.AboutFrames, 0),
	issued("gdt-none", 0, invariants.AsksForUses),
	issued("flush", invariants.Flushes, 0),
	issued("clear", invariants.AboutFrames, invariants.AsksForUses|invariants.ChangesPages),
	issued("copy", invariants.AboutFrames, invariants.AsksForUses|invariants.ChangesPages),
	issued("assist-stores", 0, 0),
	issued("assist-m2p", 0, 0),
	issued("release", invariants.AboutFrames, 0),
	issued("give", invariants.AboutFrames, 0),
	issued("obtain", 0, 0),
	issued("other", 0, invariants.ChangesPages),
	issued("lend", invariants.Lends|invariants.UsesPages|invariants.AboutFrames, 0),
	issued("unlend", 0, 0),
	issued("unlend-device", 0, 0),
	issued("grant-pte", invariants.MapsPages|invariants.AboutFrames, 0),
	issued("grant-map", invariants.MapsPages|invariants.AboutFrames, invariants.MapsGrants),
	issued("grant-read", invariants.MapsPages|invariants.AboutFrames, invariants.MapsGrants),
	issued("grant-unmap", 0, 0),
	issued("assign", invariants.AssignsDevices, 0),
	issued("result", invariants.AboutFrames, 0),
	issued("unshare", 0, 0),
	issued("iret", 0, 0),
	issued(opKill, invariants.Dies, 0),
}

// opKill is the end of the guest.
const opKill = "kill"

// stored is a store of the guest's to an entry of a page, or to a part of it: some bytes
// from an offset on. locked says that the instruction is a locked exchange.
func stored(name string, off, width int, locked bool) operation {
	gives := invariants.StoresToTables
	if width == 8 {
		gives |= invariants.MapsPages | invariants.UsesPages
	}
	args := []model.Operand{model.OperandPage, model.OperandSlot, model.OperandEntry}
	return operation{name: name, args: args, gives: gives, alone: invariants.StoresEntries, do: func(m *Model, o Op) model.Errno {
		v := uint64(o.entry) >> (8 * off) & (1<<(8*width) - 1)
		return m.store(m.page(o.args[0])+model.VA(o.args[1])*8+model.VA(off), width, v, locked)
	}}
}

// issued is a verb of the table of operations. gives and alone are what a guest can do
// that has it.
func issued(name string, gives, alone invariants.Means) operation {
	_, v := model.FindVerb(name)
	return operation{name: name, args: v.Args, refused: v.Denied, gives: gives, alone: alone, do: func(m *Model, o Op) model.Errno {
		return v.Issue(m.m, m.operands(v.Args, o))
	}}
}

// operands are those of a verb.
func (m *Model) operands(kinds []model.Operand, op Op) (o model.Operands) {
	o.Entry = op.entry
	frames := 0
	for n, k := range kinds {
		switch a := op.args[n]; k {
		case model.OperandFrame, model.OperandOther, model.OperandFrameOrNone:
			if frames++; frames == 1 {
				o.Frame = model.MFN(a)
			} else {
				o.Second = model.MFN(a)
			}
		case model.OperandEntry:
		case model.OperandPage:
			o.VA = m.page(a)
		case model.OperandPlace:
			o.Place = int(a)
		default:
			o.N = uint64(a)
		}
	}
	return o
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
		if kind == model.OperandEntry {
			o.entry, o.args[i] = h.values[o.args[i]], 0
		}
	}
	return o
}

// bounds is the range of an operand.
func (h *Guest) bounds(k model.Operand) (from, to int) {
	switch k {
	case model.OperandFrame, model.OperandFrameOrNone:
		return 0, h.o.Frames
	case model.OperandOther:
		return h.o.Frames, h.o.all()
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
	case model.OperandSwitch:
		return 0, 2
	}
	panic("hostile: a guest has no range of " + k.String())
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
		case model.OperandFrame, model.OperandFrameOrNone, model.OperandOther:
			fmt.Fprintf(&b, " f%d", op.args[i])
		case model.OperandEntry:
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
