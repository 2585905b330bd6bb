package kernel

import (
	"bytes"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Symmetry of frames on bare machines. Two frames of low memory can exchange their parts,
// each with its place in the direct map, if nothing tells them apart but their numbers:
//
//   - Neither lies in the kernel's image, whose frames have parts of their own.
//   - One leaf table maps both, or one large page, or each has a leaf table wherever it can have
//     one, below the same table by the same flags: else the exchange would bring entries into a
//     table that may not exist, or to where other rights hold or other things will happen.
//   - Both are text or neither is: the kernel gives their leaves different rights.
//   - The start of the day is the same with both exchanged: rules remember what it maps, by number.
//   - The boot allocator has handed out both, or will hand out neither while they differ. It goes
//     by number, so that of two free frames which it will reach it matters which comes first. But
//     construction maps all low memory anew, and at its end free frames are to be alike:
//     [looker.uneven] makes sure of that, for hooks may write to them or a TLB keep what they were.
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
	// built and end are the frames from which on the long run hands out none before the root is
	// loaded, and none at all. Until construction is over a frame between them may be exchanged.
	built, end model.PFN
	byPage     bool // a leaf of low memory maps a single frame
	start      model.Shape
}

// reach is the frame from which on none may be handed out in a phase, nor in a later one to which
// it matters what the frame was in this.
func (lk *likeness) reach(p model.Phase) model.PFN {
	if p <= model.PhaseDone {
		return lk.built
	}
	return lk.end
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
	var classes [][]model.Frame
	x := exchanges{s, &lk.start, model.NewState(l), s.AppendPacked(nil)}
	for p := k.BootmemFirst; p < end; p++ {
		if p == k.ZeroPage || p == k.Spare || k.Tables.Has(p) {
			continue // it is called by its number
		}
		f := model.Frame(p)
		n := slices.IndexFunc(classes, func(c []model.Frame) bool { return x.alike(c[0], f) })
		if n < 0 {
			n, classes = len(classes), append(classes, nil)
		}
		classes[n] = append(classes[n], f)
	}
	lk.classes = slices.DeleteFunc(classes, func(c []model.Frame) bool { return len(c) < 2 })
	return lk
}

// exchanges tries exchanges in a start of the day.
type exchanges struct {
	s      *model.State
	shape  *model.Shape
	image  *model.State
	packed []byte
}

// alike reports whether two frames may ever be exchanged.
func (x *exchanges) alike(a, b model.Frame) bool {
	l := x.s.L
	text := func(f model.Frame) bool { return l.VA(model.PFN(f).PA()) <= l.Kernel.TextEnd } // both ends are
	if text(a) != text(b) || x.shape.Block(a) != x.shape.Block(b) {
		return false
	}
	to := make([]model.Frame, l.Map.Frames())
	for f := range to {
		to[f] = model.Frame(f)
	}
	to[a], to[b] = b, a
	x.image.Rename(x.s, to, x.shape)
	return bytes.Equal(x.image.AppendPacked(nil), x.packed)
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
}

// note takes down how far the allocator has come in a state.
func (lk *likeness) note(s *model.State) {
	if s.Kernel.Phase <= model.PhaseDone {
		lk.built = max(lk.built, s.Kernel.BootmemNext)
	}
	lk.end = max(lk.end, s.Kernel.BootmemNext)
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
