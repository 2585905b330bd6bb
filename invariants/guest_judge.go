package invariants

import "github.com/ptcheck/ptcheck/model"

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
	recount Recount
	// shadow is the state before the operation where memory is large and Settled keeps
	// it; looked says that the state after it has been looked at.
	shadow *model.State
	looked bool
}

// NewGuestJudge returns a judge of a guest that begins in a state.
func NewGuestJudge(start *model.State) *GuestJudge {
	j := &GuestJudge{Broken: -1, rules: GuestRules()}
	j.Exercised = make([]uint64, len(j.rules))
	j.recount.startAt(start)
	return j
}

// From says in which state the operations begin that follow. It must not change until
// From is called again.
func (j *GuestJudge) From(was *model.State) {
	r := &j.recount
	r.was, r.counted = was, false
	if r.ledger != nil {
		r.begin(was)
		j.looked = false
	}
}

// Follow says that the operations begin in a state, and that each of those that follow
// begins where the last one has ended: Settled is called after each. That costs what an
// operation changes, however large memory is.
func (j *GuestJudge) Follow(s *model.State) {
	if j.shadow == nil {
		j.shadow = model.NewState(s.L)
	}
	j.shadow.CopyFrom(s)
	s.Commit()
	j.From(j.shadow)
}

// Settled makes the state after an operation the one that the next begins in.
func (j *GuestJudge) Settled(s *model.State) {
	r := &j.recount
	if r.ledger != nil && !j.looked {
		r.follow(s)
	}
	j.shadow.CatchUp(s)
	s.Commit()
	r.counted, j.looked = false, false
}

// Begin notes what an operation starts from. racing says that operations of
// another processor will come in between.
func (j *GuestJudge) Begin(s *model.State, racing bool) {
	j.Broken = -1
	j.recount.s, j.recount.racing = s, racing
}

// Step implements [model.Observer].
func (j *GuestJudge) Step(_ *model.Machine, st *model.Step) {
	for i := range j.rules {
		g := &j.rules[i].guest
		if j.Broken < 0 && g.event != nil {
			if d, ok := g.event(&j.recount, st); !ok {
				j.Broken, j.Detail = i, d
			}
		}
		if g.metAt != nil && j.Broken != i && g.metAt(&j.recount, st) {
			j.Exercised[i]++
		}
	}
}

// State judges a state and returns the index of the first broken rule, or -1.
func (j *GuestJudge) State(s *model.State) int {
	j.count(s)
	for i := range j.rules {
		g := &j.rules[i].guest
		if g.state == nil {
			continue
		}
		if d, ok := g.state(&j.recount); !ok {
			j.Detail = d
			return i
		}
		if g.metBy != nil && g.metBy(&j.recount) {
			j.Exercised[i]++
		}
	}
	return -1
}

// count recounts the state after an operation.
func (j *GuestJudge) count(s *model.State) {
	r := &j.recount
	if r.ledger == nil {
		r.Take(s)
		return
	}
	if !j.looked {
		r.follow(s)
		r.gather()
		r.ledger.Forget()
		j.looked = true
	}
}

// Violation is the last one that was found, of a rule, in words that names are put into
// by a namer.
func (j *GuestJudge) Violation(rule int, n Namer) *Violation {
	return &Violation{Rule: &j.rules[rule], Detail: j.Detail, State: j.recount.s, Namer: n}
}

// Judge looks at a state of a hostile guest by itself. It returns nil if the rule holds,
// or has nothing to say of states.
func (r *Rule) Judge(s *model.State, n Namer) *Violation {
	if r.guest.state == nil {
		return nil
	}
	var count Recount
	count.Take(s)
	d, ok := r.guest.state(&count)
	if ok {
		return nil
	}
	return &Violation{Rule: r, Detail: d, State: s, Namer: n}
}
