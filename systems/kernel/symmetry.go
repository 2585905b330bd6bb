package kernel

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Symmetry of frames on bare machines. Two frames of low memory can exchange their parts,
// each with its place in the direct map, if nothing tells them apart but their numbers:
//
//   - Neither lies in the kernel's image, whose frames have parts of their own.
//   - One leaf table maps both, or one large page, or each has a leaf table wherever it can have
//     one: else the exchange would bring entries into a table that may not exist.
//   - Both are text or neither is: the kernel gives their leaves different rights.
//   - The start of the day maps both alike, or neither.
//   - The boot allocator has handed out both, or will hand out neither while they differ. It goes
//     by number, so that of two free frames which it will reach it matters which comes first. But
//     at the end of construction all low memory is mapped anew, and free frames are alike.
//
// An exchange maps calls to calls and outcomes to outcomes then, as far as the code under
// test and the rules go by what frames hold and what names them. That is what [symmetric]
// checks while it searches.
//
// Which frames the allocator will not reach is taken from a long run of the kernel, which makes
// every call that it can until no more is handed out. A state beyond is an error, not a guess.

// mostFrames bounds machines whose frames are exchanged, and mostAlike the frames of them that
// may be: orders are counted in 64 bits.
const mostFrames, mostAlike = 64, 20

// likeness says which frames of a start of the day may be exchanged as far as they
// themselves go: those of one class.
type likeness struct {
	classes [][]model.Frame // of two or more, ascending
	// reach are the frames, by phase, from which on the long run hands out none before that
	// phase is over. While the kernel is at construction a frame that it will hand out later may be
	// exchanged: all low memory is mapped anew before.
	reach  [model.PhaseZapped + 1]model.PFN
	byPage bool // a leaf of low memory maps a single frame
	start  model.Shape
}

// class is what frames of one class have in common.
type class struct {
	text        bool
	high, low   model.Entry // flags of the leaf that maps it at the start of the day
	highL, lowL int         // levels of that leaf
}

// newLikeness finds the classes of a start of the day.
func newLikeness(s *model.State) *likeness {
	l, k := s.L, &s.L.Kernel
	lk := &likeness{byPage: leafFrames(l) == 1}
	if !l.CanRename() || l.Map.Frames() > mostFrames || !lk.start.Of(s, nil) {
		return lk
	}
	end := k.MaxLowPFN
	if k.Root > k.BootmemFirst {
		end = k.Root // the image lies above what the allocator hands out
	}
	if end-k.BootmemFirst > mostAlike {
		return lk
	}
	var order []class
	members := map[class][]model.Frame{}
	for p := k.BootmemFirst; p < end; p++ {
		c := class{text: l.VA(p.PA()) < k.TextEnd}
		c.high, c.highL = mappedAs(s, l.VA(p.PA()))
		c.low, c.lowL = mappedAs(s, model.VA(p.PA()))
		if members[c] == nil {
			order = append(order, c)
		}
		members[c] = append(members[c], model.Frame(p))
	}
	for _, c := range order {
		if m := members[c]; len(m) > 1 {
			lk.classes = append(lk.classes, m)
		}
	}
	return lk
}

// mappedAs is how a state maps an address: the flags of the leaf, and its level; 0: not.
func mappedAs(s *model.State, va model.VA) (model.Entry, int) {
	t, fault := s.Walk(va)
	if fault != model.WalkOK {
		return 0, 0
	}
	return t.Entry.Flags(), t.Level
}

// quiet is how many calls in a row may hand out nothing before the long run ends.
const quiet = 256

// run makes the long run from the start of the day of m's working state: at each state the
// call that was made least often so far, and not one that does not move.
func (lk *likeness) run(m *Model) {
	if len(lk.classes) == 0 {
		return
	}
	made, last := map[uint64]int{}, m.work[m.start].Kernel.BootmemNext
	lk.note(m.work[m.start])
	for idle := 0; idle < quiet; idle++ {
		calls := m.Calls(nil)
		if len(calls) == 0 {
			break
		}
		next := calls[0]
		for _, c := range calls[1:] {
			if made[c] < made[next] {
				next = c
			}
		}
		made[next]++
		if m.Apply(next).Kind != explore.Moved {
			m.Restore()
			continue
		}
		m.save()
		m.Restore()
		lk.note(m.work[m.start])
		if now := m.work[m.start].Kernel.BootmemNext; now > last {
			last, idle = now, 0
		}
	}
	for p := model.PhaseStarted + 1; p <= model.PhaseZapped; p++ {
		lk.reach[p] = lk.reach[model.PhaseZapped]
	}
}

// note takes down how far the allocator has come in the phase of a state.
func (lk *likeness) note(s *model.State) {
	for p := s.Kernel.Phase; p <= model.PhaseZapped; p++ {
		lk.reach[p] = max(lk.reach[p], s.Kernel.BootmemNext)
	}
}

// renamedCall is what becomes of a call when frames are exchanged: a call that maps a frame
// maps another one.
func (lk *likeness) renamedCall(code uint64, to []model.Frame) uint64 {
	c := CallOf(code)
	if c.Kind == model.CallMap && lk.byPage && int(c.Arg) < len(to) {
		c.Arg = uint32(to[c.Arg])
	}
	return c.Code()
}
