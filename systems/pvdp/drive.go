package pvdp

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/view"
)

// Op is an operation of an adversary by its parts. Unlike a call code it can
// name any entry.
type Op struct {
	Op    uint8 // index of its name in [OpNames]
	Frame uint8
	Arg   uint8 // slot, level or second frame
	Entry model.Entry
}

// Operand says what the argument of an adversary's operation is.
type Operand uint8

// Operands.
const (
	NoOperand Operand = iota
	SlotEntry         // a slot, and the entry to write there
	LevelOf           // a table level
	FrameOf           // a second frame
)

// OperandOf returns what the argument of an operation is, by its index in
// [OpNames].
func OperandOf(op uint8) Operand {
	switch args := opArgs(op); {
	case args[0] == model.OperandLevel:
		return LevelOf
	case len(args) == 3:
		return SlotEntry
	case len(args) == 2:
		return FrameOf
	}
	return NoOperand
}

// String returns the operation in the language of scenario files.
func (o Op) String() string {
	switch OperandOf(o.Op) {
	case SlotEntry:
		entry := "0"
		if o.Entry != 0 {
			entry = string(model.AppendFlags(fmt.Appendf(nil, "f%d:", uint64(o.Entry.MFN())), o.Entry.Flags()))
		}
		return fmt.Sprintf("%s f%d %d %s", opNames[o.Op], o.Frame, o.Arg, entry)
	case LevelOf:
		return fmt.Sprintf("%s %d f%d", opNames[o.Op], o.Arg, o.Frame)
	case FrameOf:
		return fmt.Sprintf("%s f%d f%d", opNames[o.Op], o.Frame, o.Arg)
	}
	return fmt.Sprintf("%s f%d", opNames[o.Op], o.Frame)
}

// OpOf reads an operation of an adversary. An error says what is wrong with it;
// whether its frames exist depends on the adversary, see [Bounds.Check].
func OpOf(op *script.Op) (Op, error) {
	i := slices.Index(opNames[:], op.Name)
	if i < 0 {
		return Op{}, fmt.Errorf("%q is no operation of an adversary", op.Name)
	}
	o := Op{Op: uint8(i)}
	frame := func(n int) uint8 {
		a := op.Args[n].Frame
		if a.Class != script.ClassPool || a.N >= MaxFrames {
			return MaxFrames // no adversary has it
		}
		return uint8(a.N)
	}
	switch OperandOf(o.Op) {
	case SlotEntry:
		o.Frame, o.Arg = frame(0), uint8(min(op.Args[1].Num, maxSlots))
		switch e := &op.Args[2]; {
		case e.Frame.Class == script.ClassPool:
			o.Entry = model.MakeEntry(model.MFN(e.Frame.N), e.Bits)
		case e.Frame.Class != script.ClassNone || e.Bits != 0:
			return o, fmt.Errorf("want an entry such as f3:PW, or 0")
		}
	case LevelOf:
		if op.Args[0].Num > 255 {
			return o, fmt.Errorf("level %d: want 0 to 255", op.Args[0].Num)
		}
		o.Frame, o.Arg = frame(1), uint8(op.Args[0].Num)
	case FrameOf:
		o.Frame, o.Arg = frame(0), frame(1)
	default:
		o.Frame = frame(0)
	}
	return o, nil
}

// Allows reports whether an operation names only what there is, and whether a
// writable mapping leads to the frame of a store.
func (m *Model) Allows(o Op) bool {
	return m.a.bounds().has(o) && !m.s.Ended() && (o.Op != opRaw || m.writable()>>o.Frame&1 != 0)
}

// Issue implements [attack.Guest].
func (m *Model) Issue(o Op) (rc model.Errno, ok bool) {
	if !m.Allows(o) {
		return model.OK, false
	}
	return m.do(o), true
}

// Settle implements [attack.Guest].
func (m *Model) Settle() (broken int) {
	m.save()
	if o := m.CheckState(); o.Kind == explore.Violated {
		return int(o.Rule)
	}
	return -1
}

// Changes implements [attack.Guest].
func (m *Model) Changes() []reports.Change { return view.Changes(m.s) }

// State implements [attack.Guest].
func (m *Model) State() *model.State { return m.s }

// Do carries out an operation for good and judges the state that it leads to.
func (m *Model) Do(o Op) (model.Errno, explore.Outcome) {
	rc := m.do(o)
	m.save()
	return rc, m.CheckState()
}

// Restart goes back to the builder's tables after operations carried out for good.
func (m *Model) Restart() {
	m.s.Undo()
	for f := range m.a.frames {
		m.place(model.Frame(f), m.first.frames[f])
		m.pack.base[f] = m.first.frames[f]
	}
	m.pack.base64 = m.pack.joined(m.a.frames)
	m.s.CPU, m.s.GDT = m.firstCPU, m.s.GDT[:0]
	m.s.Revive()
	m.save()
}

// Writable is the set of frames that the guest can store to, by bit.
func (m *Model) Writable() uint64 { return m.writable() }

// Open returns an adversary for driving: its alphabet holds every operation, and
// entries may have any flags. The alphabet of the options is not looked at. strict
// makes it start as that of PV-DP does.
func Open(o Options, strict bool) (*Guest, error) {
	o.Ops, o.Flags = OpNames(), []string{"P", "PW"}
	a, err := New(o)
	if err != nil {
		return nil, err
	}
	a.strict = strict
	return a, nil
}

// OpText writes the operation of a call code in the language of scenario files.
func (m *Model) OpText(code uint64) string { return m.Op(code).String() }

// Bounds is what the model's guest has.
func (m *Model) Bounds() Bounds { return m.a.bounds() }
