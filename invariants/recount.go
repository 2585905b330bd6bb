package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Recount is a state as the rules for hostile guests see it: its uses counted
// anew from raw memory, and what was so before the operation. The zero value is
// ready to use; using it again allocates nothing.
//
// Where memory is large it keeps a ledger instead of counting anew, and rules about states
// look at the frames that have changed since they last looked.
type Recount struct {
	s      *model.State
	census model.Census
	// was is the state before the operation, and before its census, once counted.
	was     *model.State
	before  model.Census
	counted bool
	audit   audit
	racing  bool // another processor's operations come in between
	// first are the uses at the start, and valid says which tables were validated.
	first []model.Tally
	valid []bool

	ledger *model.Ledger // nil: each state is counted anew
	every  []model.Frame // all frames, ascending
	look   []model.Frame // those to look at
	seen   model.WordSet // scratch
}

// Take recounts a state.
func (r *Recount) Take(s *model.State) {
	r.s = s
	r.census.Take(s)
	r.everything()
}

// begin counts a state and keeps the count from there on.
func (r *Recount) begin(s *model.State) {
	if r.ledger == nil {
		r.ledger = new(model.Ledger)
	}
	r.s = s
	r.ledger.Begin(s)
	r.ledger.Census(&r.census)
	r.ledger.Census(&r.before)
	r.everything()
}

// follow takes in what has changed since the state's last Commit.
func (r *Recount) follow(s *model.State) {
	r.s = s
	r.ledger.Follow(s)
}

// gather makes the list of frames to look at: those that have changed, and all where an
// entry that has not changed may have become illegal.
func (r *Recount) gather() {
	changed, all := r.ledger.Changed()
	r.look = changed
	if all || slices.ContainsFunc(changed, r.ledger.Amiss) || r.s.Dying() {
		r.everything()
	}
}

// everything makes all frames those to look at.
func (r *Recount) everything() {
	for f := len(r.every); f < len(r.census.Tallies); f++ {
		r.every = append(r.every, model.Frame(f))
	}
	r.look = r.every[:len(r.census.Tallies)]
}

// startAt notes what the guest begins with.
func (r *Recount) startAt(s *model.State) {
	if large(s) {
		r.begin(s)
	} else {
		r.Take(s)
	}
	r.first, r.valid = slices.Clone(r.census.Tallies), make([]bool, len(r.every))
	for _, f := range r.every {
		r.valid[f] = r.validated(f)
	}
}

// earlier is the census of the state before the operation.
func (r *Recount) earlier() *model.Census {
	if !r.counted && r.ledger == nil {
		r.before.Take(r.was)
		r.counted = true
	}
	return &r.before
}

// clash finds a frame that is used as two types, NoFrame if there is none.
func (r *Recount) clash() (f model.Frame, a, b model.Type) {
	if r.ledger == nil {
		return r.census.Clash()
	}
	for _, f := range r.look {
		if a, b, yes := r.ledger.Clash(f); yes {
			return f, a, b
		}
	}
	return model.NoFrame, 0, 0
}

// table is the type that memory uses a frame as, as a table; TypeNone for none.
func (r *Recount) table(f model.Frame) model.Type { return r.census.Tallies[f].Table }

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

// manyFrames is the size from which counting anew costs more than keeping count.
const manyFrames = 256

// large reports whether a machine is so large that what a step costs must not depend on
// its memory.
func large(s *model.State) bool { return s.L.Map.Frames() > manyFrames }

// atCallEnds makes the check of a rule about states for kernels under a
// hypervisor: it is looked at when a protocol call ends.
func atCallEnds(state func(*Recount) (Detail, bool)) func(*Checker, *model.Step) result {
	return func(c *Checker, st *model.Step) result {
		if c.s.L.Hyper == nil || st.Op != model.OpCallEnd {
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
	switch {
	case c.recounted:
	case c.large:
		c.recount.gather()
	default:
		c.recount.Take(c.s)
	}
	c.recounted = true
}
