package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Recount is a state as the rules for hostile guests see it: its uses counted
// anew from raw memory, and what was so before the operation. The zero value is
// ready to use; using it again allocates nothing.
type Recount struct {
	s      *model.State
	census model.Census
	// was is the state before the operation, and before its census, once counted.
	was     *model.State
	before  model.Census
	counted bool
	audit   audit
	pins    uint64 // pinned frames before the operation, by bit
	racing  bool   // another processor's operations come in between
	// first are the uses and valid the validated tables, by bit, at the start.
	first []model.Tally
	valid uint64
}

// Take recounts a state.
func (r *Recount) Take(s *model.State) {
	r.s = s
	r.census.Take(s)
}

// startAt notes what the guest begins with.
func (r *Recount) startAt(s *model.State) {
	r.Take(s)
	r.first = slices.Clone(r.census.Tallies)
	r.valid = r.validated()
}

// earlier is the census of the state before the operation.
func (r *Recount) earlier() *model.Census {
	if !r.counted {
		r.before.Take(r.was)
		r.counted = true
	}
	return &r.before
}

// table is the type that memory uses a frame as, as a table; TypeNone for none.
func (r *Recount) table(f model.Frame) model.Type { return r.census.Tallies[f].Table }

// frames is the number of frames.
func (r *Recount) frames() model.Frame { return model.Frame(len(r.census.Tallies)) }

// children calls visit for the present guest entries of a table that hold
// references, until it returns false. Of an unfinished table these are the first
// ones.
func (r *Recount) children(f model.Frame, level int, visit func(slot int, e model.Entry, child model.Frame) bool) bool {
	l, i := r.s.L, r.s.InfoAt(f)
	t := tableOf(r.s, l.Geo, f, level)
	t.special = i.Is(model.PAEXenL2)
	end := l.Geo.Slots[level]
	if i.Is(model.Partial) {
		end = min(end, int(i.NrValid))
	}
	return t.present(end, visit)
}

// pins is the set of pinned frames, by bit.
func pins(s *model.State) uint64 {
	var set uint64
	for f := range s.L.Map.Guest() {
		if s.InfoAt(model.Frame(f)).Is(model.Pinned) {
			set |= 1 << uint(f)
		}
	}
	return set
}

// manyFrames is the size from which recounts are rare.
const manyFrames = 1 << 12

// atCallEnds makes the check of a rule about states for kernels under a
// hypervisor: it is looked at when a protocol call ends. At real size, where
// counting costs as much as a call, it is left at the calls that end something.
func atCallEnds(state func(*Recount) (Detail, bool)) func(*Checker, *model.Step) result {
	return func(c *Checker, st *model.Step) result {
		if c.s.L.Hyper == nil || st.Op != model.OpCallEnd {
			return silent
		}
		if k := st.Call.Kind; c.s.L.Map.Frames() > manyFrames && k != model.CallSetupDone && k != model.CallZap && k != model.CallExit {
			return silent
		}
		c.takeRecount()
		if d, ok := state(&c.recount); !ok {
			return c.fail(d)
		}
		return held
	}
}

// takeRecount recounts the state once a step.
func (c *Checker) takeRecount() {
	if !c.recounted {
		c.recount.Take(c.s)
		c.recounted = true
	}
}
