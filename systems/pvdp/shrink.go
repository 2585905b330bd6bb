package pvdp

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Tries implements [attack.Shrinking].
func (*system) Tries() int { return 2_000_000 }

// Scopes implements [attack.Shrinking]: fewer levels, frames and slots.
func (*system) Scopes(b Bounds) []Bounds {
	var out []Bounds
	for levels := 2; levels <= b.Levels; levels++ {
		for frames := levels; frames <= b.Frames; frames++ {
			for slots := 1; slots <= b.Slots; slots++ {
				out = append(out, Bounds{b.Profile, frames, levels, slots, b.Guest})
			}
		}
	}
	return out[:len(out)-1] // the last ones are those given
}

// CompareScopes implements [attack.Shrinking].
func (x *system) CompareScopes(a, b Bounds) int {
	return cmp.Or(cmp.Compare(a.Levels, b.Levels), cmp.Compare(a.Frames, b.Frames), cmp.Compare(a.Slots, b.Slots))
}

// Compare implements [attack.Shrinking]: the order of operations, low frames and
// slots, empty entries, few flags.
func (x *system) Compare(a, b Op) int {
	return cmp.Or(cmp.Compare(a.Op, b.Op), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Arg, b.Arg),
		cmp.Compare(a.Entry.MFN(), b.Entry.MFN()),
		cmp.Compare(bits.OnesCount64(uint64(a.Entry)), bits.OnesCount64(uint64(b.Entry))), cmp.Compare(a.Entry, b.Entry))
}

// Alphabet implements [attack.Shrinking]: the kinds of operations of the input, on
// every frame, and its entries' flags, with one bit less too.
func (x *system) Alphabet(s Bounds, ops []Op) []Op {
	entries := x.entries(s, ops)
	var out []Op
	for i := range uint8(len(OpNames())) {
		if !slices.ContainsFunc(ops, func(o Op) bool { return o.Op == i }) {
			continue // whoever found it may not have had it
		}
		for f := range s.Frames {
			o := Op{Op: i, Frame: uint8(f)}
			switch n := s.Levels + 1; OperandOf(o.Op) {
			case SlotEntry:
				for slot := range s.Slots {
					for _, e := range entries {
						out = append(out, Op{Op: o.Op, Frame: o.Frame, Arg: uint8(slot), Entry: e})
					}
				}
			case FrameOf:
				n = s.Frames
				fallthrough
			case LevelOf:
				for arg := range n {
					out = append(out, Op{Op: o.Op, Frame: o.Frame, Arg: uint8(arg)})
				}
			default:
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, x.Compare)
	return slices.Compact(out)
}

func (x *system) entries(s Bounds, ops []Op) []model.Entry {
	flags := []model.Entry{0}
	for _, o := range ops {
		f := o.Entry.Flags()
		flags = append(flags, f)
		for rest := f; rest != 0; rest &= rest - 1 {
			flags = append(flags, f&^(rest&-rest))
		}
	}
	var out []model.Entry
	for _, f := range flags {
		for n := range s.Frames {
			if f == 0 {
				n = 0 // the empty entry
			}
			out = append(out, model.MakeEntry(model.MFN(n), f))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Rewrites implements [attack.Shrinking]: two frames, or two slots, change names.
func (x *system) Rewrites(s Bounds, ops []Op) [][]Op {
	var out [][]Op
	for a := range s.Frames {
		for b := a + 1; b < s.Frames; b++ {
			out = append(out, exchanged(ops, uint8(a), uint8(b), true))
		}
	}
	for a := range s.Slots {
		for b := a + 1; b < s.Slots; b++ {
			out = append(out, exchanged(ops, uint8(a), uint8(b), false))
		}
	}
	return out
}

// exchanged returns operations with two frames, or two slots, the other way round.
func exchanged(ops []Op, a, b uint8, frames bool) []Op {
	other := func(n uint8) uint8 {
		switch n {
		case a:
			return b
		case b:
			return a
		}
		return n
	}
	out := slices.Clone(ops)
	for i := range out {
		o := &out[i]
		kind := OperandOf(o.Op)
		if kind == SlotEntry && !frames || kind == FrameOf && frames {
			o.Arg = other(o.Arg)
		}
		if !frames {
			continue
		}
		o.Frame = other(o.Frame)
		if kind == SlotEntry && o.Entry.Flags() != 0 {
			o.Entry = model.MakeEntry(model.MFN(other(uint8(o.Entry.MFN()))), o.Entry.Flags())
		}
	}
	return out
}
