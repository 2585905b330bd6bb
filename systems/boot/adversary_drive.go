package system

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
)

// GuestOp is an operation of an adversary by its parts. Unlike a call code it can
// name any entry.
type GuestOp struct {
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
	switch op {
	case opMMU, opRaw:
		return SlotEntry
	case opPin:
		return LevelOf
	case opCopy:
		return FrameOf
	}
	return NoOperand
}

// String returns the operation in the language of scenario files.
func (o GuestOp) String() string {
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

// GuestOpOf reads an operation of an adversary. An error says what is wrong with
// it; whether its frames exist depends on the adversary.
func GuestOpOf(op *script.Op) (GuestOp, error) {
	i := slices.Index(opNames[:], op.Name)
	if i < 0 {
		return GuestOp{}, fmt.Errorf("%q is no operation of an adversary", op.Name)
	}
	o := GuestOp{Op: uint8(i)}
	frame := func(n int) (f uint8) {
		a := op.Args[n].Frame
		if a.Class != script.ClassPool || a.N >= maxFrames {
			return maxFrames // no adversary has it
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
		o.Frame, o.Arg = frame(1), uint8(min(op.Args[0].Num, 255))
	case FrameOf:
		o.Frame, o.Arg = frame(0), frame(1)
	default:
		o.Frame = frame(0)
	}
	return o, nil
}

// Frames, Levels and Slots are the adversary's bounds, Profile its judge's rules.
func (a *Adversary) Frames() int             { return a.frames }
func (a *Adversary) Levels() int             { return a.levels }
func (a *Adversary) Slots() int              { return a.slots }
func (a *Adversary) Profile() *model.Profile { return a.profile }

// Guest is the kind of domain that the adversary is.
func (a *Adversary) Guest() model.GuestKind { return a.guest }

// Allows reports whether an operation names only what there is, and whether a
// writable mapping leads to the frame of a store.
func (m *AdversaryModel) Allows(o GuestOp) bool {
	a := m.a
	if int(o.Frame) >= a.frames || m.s.Ended() {
		return false
	}
	switch OperandOf(o.Op) {
	case SlotEntry:
		if int(o.Arg) >= a.slots || o.Entry.MFN() >= model.MFN(a.frames) {
			return false
		}
		return o.Op != opRaw || m.writable()>>o.Frame&1 != 0
	case FrameOf:
		return int(o.Arg) < a.frames
	}
	return true
}

// Do carries out an operation for good and judges the state that it leads to.
func (m *AdversaryModel) Do(o GuestOp) (model.Errno, explore.Outcome) {
	rc, _ := m.do(o)
	m.save()
	return rc, m.CheckState()
}

// Reset goes back to the builder's tables after operations carried out for good.
func (m *AdversaryModel) Reset() {
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
func (m *AdversaryModel) Writable() uint64 { return m.writable() }

// OpenAdversary returns the adversary, or with the name pvdp that of PV-DP, for
// driving: its alphabet holds every operation, and entries may have any flags. The
// alphabet of the options is not looked at.
func OpenAdversary(name string, o AdversaryOptions) (*Adversary, error) {
	o.Ops, o.Flags = OpNames(), []string{"P", "PW"}
	a, err := NewAdversary(o)
	if err != nil {
		return nil, err
	}
	a.Name, a.strict = name, name == "pvdp"
	return a, nil
}

// Adversary is what the model is of.
func (m *AdversaryModel) Adversary() *Adversary { return m.a }
