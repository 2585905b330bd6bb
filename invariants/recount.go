package invariants

import "github.com/ptcheck/ptcheck/model"

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
	end := l.Geo.Slots[level]
	if i.Is(model.Partial) {
		end = min(end, int(i.NrValid))
	}
	for slot := r.s.NextUsed(l.Geo, f, 0, end); slot < end; slot = r.s.NextUsed(l.Geo, f, slot+1, end) {
		e := r.s.Entry(l.Geo, f, slot)
		if e&model.Present == 0 || hypervisorsSlot(l, level, slot, i.Is(model.PAEXenL2)) {
			continue
		}
		if !visit(slot, e, l.Map.Frame(e.MFN())) {
			return false
		}
	}
	return true
}

// GuestJudge applies the rules for hostile guests: those about states to each state,
// those about operations to each step.
type GuestJudge struct {
	// Broken is the index of the rule that the operation in progress has broken, or
	// -1, and Detail what is wrong.
	Broken int
	Detail Detail
	// Exercised counts, by rule, the operations and the states at which the rule held
	// and its goal was met.
	Exercised []uint64

	rules   []Rule
	goals   []goal // by rule
	recount Recount
}

// NewGuestJudge returns a judge of a guest that begins in a state.
func NewGuestJudge(start *model.State) *GuestJudge {
	j := &GuestJudge{Broken: -1, rules: GuestRules()}
	j.Exercised = make([]uint64, len(j.rules))
	for i := range j.rules {
		j.goals = append(j.goals, goalOf(j.rules[i].ID))
	}
	j.recount.startAt(start)
	return j
}

// From says in which state the operations begin that follow. It must not change until
// From is called again.
func (j *GuestJudge) From(was *model.State) {
	j.recount.was, j.recount.counted = was, false
}

// Begin notes what an operation starts from. racing says that operations of
// another processor will come in between.
func (j *GuestJudge) Begin(s *model.State, racing bool) {
	j.Broken = -1
	j.recount.s, j.recount.pins, j.recount.racing = s, pins(s), racing
}

// Step implements [model.Observer].
func (j *GuestJudge) Step(_ *model.Machine, st *model.Step) {
	for i := range j.rules {
		if j.Broken < 0 && j.rules[i].event != nil {
			if d, ok := j.rules[i].event(&j.recount, st); !ok {
				j.Broken, j.Detail = i, d
			}
		}
		if met := j.goals[i].event; met != nil && j.Broken != i && met(&j.recount, st) {
			j.Exercised[i]++
		}
	}
}

// State judges a state and returns the index of the first broken rule, or -1.
func (j *GuestJudge) State(s *model.State) int {
	j.recount.Take(s)
	for i := range j.rules {
		if j.rules[i].state == nil {
			continue
		}
		if d, ok := j.rules[i].state(&j.recount); !ok {
			j.Detail = d
			return i
		}
		if met := j.goals[i].state; met != nil && met(&j.recount) {
			j.Exercised[i]++
		}
	}
	return -1
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
