package trial

import (
	"cmp"
	"github.com/ptcheck/ptcheck/systems/pvdp"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
)

// guestScope are the bounds of a hostile guest.
type guestScope struct{ frames, levels, slots int }

// guestWorld carries out operations of a hostile guest.
type guestWorld struct {
	name, profile string
	change        mutants.Change
	want          Verdict
	open          map[guestScope]*pvdp.AdversaryModel
	done          []pvdp.GuestOp
}

var _ shrink.World[guestScope, pvdp.GuestOp] = (*guestWorld)(nil)

// model returns a model of a scope at the start of the day, nil if there is none.
func (w *guestWorld) model(s guestScope) *pvdp.AdversaryModel {
	m, ok := w.open[s]
	if !ok {
		m, _ = w.adversary(s)
		w.open[s] = m
	}
	if m != nil {
		m.Reset()
	}
	return m
}

func (w *guestWorld) adversary(s guestScope) (*pvdp.AdversaryModel, error) {
	p := model.Plain()
	for _, x := range model.Profiles() {
		if x.Name == w.profile {
			p = x
		}
	}
	p.Mutant = w.change.Judge
	a, err := pvdp.OpenAdversary(w.name, pvdp.AdversaryOptions{Frames: s.frames, Levels: s.levels, Slots: s.slots, Profile: p})
	if err != nil {
		return nil, err
	}
	return a.NewModel()
}

// run carries out operations as long as no rule is broken, leaving out those that
// name what there is not.
func (w *guestWorld) run(s guestScope, ops []pvdp.GuestOp) (done []pvdp.GuestOp, v Verdict) {
	done = w.done[:0]
	m := w.model(s)
	if m == nil {
		return done, v
	}
	for _, o := range ops {
		if !m.Allows(o) {
			continue
		}
		done = append(done, o)
		if _, out := m.Do(o); out.Kind != explore.Moved {
			v = Verdict{Kind: out.Kind, What: pvdp.AdversaryRules()[out.Rule]}
			break
		}
	}
	w.done = done
	return done, v
}

// Try implements [shrink.World].
func (w *guestWorld) Try(s guestScope, ops []pvdp.GuestOp) ([]pvdp.GuestOp, bool) {
	done, v := w.run(s, ops)
	return done, v.Meets(w.want)
}

// Scopes implements [shrink.World]: fewer levels, frames and slots.
func (w *guestWorld) Scopes(s guestScope) []guestScope {
	var out []guestScope
	for levels := 2; levels <= s.levels; levels++ {
		for frames := levels; frames <= s.frames; frames++ {
			for slots := 1; slots <= s.slots; slots++ {
				out = append(out, guestScope{frames, levels, slots})
			}
		}
	}
	return out[:len(out)-1] // the last one is s
}

// CompareScopes implements [shrink.World].
func (w *guestWorld) CompareScopes(a, b guestScope) int {
	return cmp.Or(cmp.Compare(a.levels, b.levels), cmp.Compare(a.frames, b.frames), cmp.Compare(a.slots, b.slots))
}

// Compare implements [shrink.World]: the order of operations, low frames and
// slots, empty entries, few flags.
func (w *guestWorld) Compare(a, b pvdp.GuestOp) int {
	return cmp.Or(cmp.Compare(a.Op, b.Op), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Arg, b.Arg),
		cmp.Compare(a.Entry.MFN(), b.Entry.MFN()),
		cmp.Compare(bits.OnesCount64(uint64(a.Entry)), bits.OnesCount64(uint64(b.Entry))), cmp.Compare(a.Entry, b.Entry))
}

// Alphabet implements [shrink.World]: the kinds of operations of the input, on
// every frame, and its entries' flags, with one bit less too.
func (w *guestWorld) Alphabet(s guestScope, ops []pvdp.GuestOp) []pvdp.GuestOp {
	entries := w.entries(s, ops)
	var out []pvdp.GuestOp
	for i := range uint8(len(pvdp.OpNames())) {
		if !slices.ContainsFunc(ops, func(o pvdp.GuestOp) bool { return o.Op == i }) {
			continue // whoever found it may not have had it
		}
		for f := range s.frames {
			o := pvdp.GuestOp{Op: i, Frame: uint8(f)}
			switch n := s.levels + 1; pvdp.OperandOf(o.Op) {
			case pvdp.SlotEntry:
				for slot := range s.slots {
					for _, e := range entries {
						out = append(out, pvdp.GuestOp{Op: o.Op, Frame: o.Frame, Arg: uint8(slot), Entry: e})
					}
				}
			case pvdp.FrameOf:
				n = s.frames
				fallthrough
			case pvdp.LevelOf:
				for arg := range n {
					out = append(out, pvdp.GuestOp{Op: o.Op, Frame: o.Frame, Arg: uint8(arg)})
				}
			default:
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, w.Compare)
	return slices.Compact(out)
}

func (w *guestWorld) entries(s guestScope, ops []pvdp.GuestOp) []model.Entry {
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
		for n := range s.frames {
			if f == 0 {
				n = 0 // the empty entry
			}
			out = append(out, model.MakeEntry(model.MFN(n), f))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Rewrites implements [shrink.World]: two frames, or two slots, change names.
func (w *guestWorld) Rewrites(s guestScope, ops []pvdp.GuestOp) [][]pvdp.GuestOp {
	var out [][]pvdp.GuestOp
	for a := range s.frames {
		for b := a + 1; b < s.frames; b++ {
			out = append(out, renamed(ops, uint8(a), uint8(b), true))
		}
	}
	for a := range s.slots {
		for b := a + 1; b < s.slots; b++ {
			out = append(out, renamed(ops, uint8(a), uint8(b), false))
		}
	}
	return out
}

// renamed returns operations with two frames, or two slots, the other way round.
func renamed(ops []pvdp.GuestOp, a, b uint8, frames bool) []pvdp.GuestOp {
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
		kind := pvdp.OperandOf(o.Op)
		if kind == pvdp.SlotEntry && !frames || kind == pvdp.FrameOf && frames {
			o.Arg = other(o.Arg)
		}
		if !frames {
			continue
		}
		o.Frame = other(o.Frame)
		if kind == pvdp.SlotEntry && o.Entry.Flags() != 0 {
			o.Entry = model.MakeEntry(model.MFN(other(uint8(o.Entry.MFN()))), o.Entry.Flags())
		}
	}
	return out
}
