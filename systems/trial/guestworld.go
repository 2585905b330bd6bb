package trial

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// guestScope are the bounds of a hostile guest.
type guestScope struct{ frames, levels, slots int }

// guestWorld carries out operations of a hostile guest.
type guestWorld struct {
	name, profile string
	kind          model.GuestKind
	change        mutants.Change
	want          Verdict
	open          map[guestScope]*system.AdversaryModel
	done          []system.GuestOp
}

var _ shrink.World[guestScope, system.GuestOp] = (*guestWorld)(nil)

// model returns a model of a scope at the start of the day, nil if there is none.
func (w *guestWorld) model(s guestScope) *system.AdversaryModel {
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

func (w *guestWorld) adversary(s guestScope) (*system.AdversaryModel, error) {
	p := model.Plain()
	for _, x := range model.Profiles() {
		if x.Name == w.profile {
			p = x
		}
	}
	p.Mutant = w.change.Judge
	a, err := system.OpenAdversary(w.name, system.AdversaryOptions{Frames: s.frames, Levels: s.levels, Slots: s.slots, Profile: p, Guest: w.kind})
	if err != nil {
		return nil, err
	}
	return a.NewModel()
}

// run carries out operations as long as no rule is broken, leaving out those that
// name what there is not.
func (w *guestWorld) run(s guestScope, ops []system.GuestOp) (done []system.GuestOp, v Verdict) {
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
			v = Verdict{Kind: out.Kind, What: system.AdversaryRules()[out.Rule]}
			break
		}
	}
	w.done = done
	return done, v
}

// Try implements [shrink.World].
func (w *guestWorld) Try(s guestScope, ops []system.GuestOp) ([]system.GuestOp, bool) {
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
func (w *guestWorld) Compare(a, b system.GuestOp) int {
	return cmp.Or(cmp.Compare(a.Op, b.Op), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Arg, b.Arg),
		cmp.Compare(a.Entry.MFN(), b.Entry.MFN()),
		cmp.Compare(bits.OnesCount64(uint64(a.Entry)), bits.OnesCount64(uint64(b.Entry))), cmp.Compare(a.Entry, b.Entry))
}

// Alphabet implements [shrink.World]: the kinds of operations of the input, on
// every frame, and its entries' flags, with one bit less too.
func (w *guestWorld) Alphabet(s guestScope, ops []system.GuestOp) []system.GuestOp {
	entries := w.entries(s, ops)
	var out []system.GuestOp
	for i := range uint8(len(system.OpNames())) {
		if !slices.ContainsFunc(ops, func(o system.GuestOp) bool { return o.Op == i }) {
			continue // whoever found it may not have had it
		}
		for f := range s.frames {
			o := system.GuestOp{Op: i, Frame: uint8(f)}
			switch n := s.levels + 1; system.OperandOf(o.Op) {
			case system.SlotEntry:
				for slot := range s.slots {
					for _, e := range entries {
						out = append(out, system.GuestOp{Op: o.Op, Frame: o.Frame, Arg: uint8(slot), Entry: e})
					}
				}
			case system.FrameOf:
				n = s.frames
				fallthrough
			case system.LevelOf:
				for arg := range n {
					out = append(out, system.GuestOp{Op: o.Op, Frame: o.Frame, Arg: uint8(arg)})
				}
			default:
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, w.Compare)
	return slices.Compact(out)
}

func (w *guestWorld) entries(s guestScope, ops []system.GuestOp) []model.Entry {
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
func (w *guestWorld) Rewrites(s guestScope, ops []system.GuestOp) [][]system.GuestOp {
	var out [][]system.GuestOp
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
func renamed(ops []system.GuestOp, a, b uint8, frames bool) []system.GuestOp {
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
		kind := system.OperandOf(o.Op)
		if kind == system.SlotEntry && !frames || kind == system.FrameOf && frames {
			o.Arg = other(o.Arg)
		}
		if !frames {
			continue
		}
		o.Frame = other(o.Frame)
		if kind == system.SlotEntry && o.Entry.Flags() != 0 {
			o.Entry = model.MakeEntry(model.MFN(other(uint8(o.Entry.MFN()))), o.Entry.Flags())
		}
	}
	return out
}
