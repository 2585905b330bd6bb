package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// System is a searchable system: a backend, the start-of-day states that it may
// boot from, and the rules that it must obey. It never changes once made;
// [System.NewModel] gives each worker its own working state.
type System struct {
	Name string
	// Scope says in one line what the search ranges over.
	Scope string
	Inits []Init

	// Bare are the hooks of members without a hypervisor; nil: the same.
	Bare *hooks.Ops
	// Enabled appends the codes of the calls that the protocol allows in a state; nil:
	// those of kernels of 2007 that boot.
	Enabled func(dst []uint64, s *model.State) []uint64
	// Kinds are the calls of life after boot that the system has, by kind, as bits.
	Kinds uint64
	// Pairs appends calls that two processors may make at the same time, without a
	// schedule; nil: none. Systems with pairs start with two processors.
	Pairs func(dst []Call, s *model.State) []Call
	// Chosen says which pairs a search makes that began at an initial state, by its number;
	// nil: all.
	Chosen func(init int, s *model.State, c Call) bool
	// Interruptible reports whether a call of processor 0 can be interrupted in a state by a
	// handler that uses the vmalloc area; nil: none can.
	Interruptible func(s *model.State, c Call) bool
	// Budget is how many states a search looks at unless another number is asked for; 0:
	// as many as there are.
	Budget uint64
	// Deepest is how deep a search goes at most; 0: as deep as it is asked to.
	Deepest int

	bounds      Bounds // as asked for
	patience    time.Duration
	recheck     int
	preemptions int
	failures    bool // each hypercall may be refused
	interrupts  bool // an interrupt may come at any time
	symmetric   bool // symmetric states count once

	ops   hooks.Ops
	fn    hooks.Funcs
	rules []invariants.Rule
}

// Init is one start-of-day state.
type Init struct {
	// Name tells the members of the family apart, in the words of the scope.
	Name  string
	State *model.State
	// Panic is how the kernel must end on this machine, because that is too small for it; "":
	// it must not.
	Panic string
	// Way are the calls that have led here from the start of day of that name; none where
	// it is one.
	Way []Call
	// kept are the translations that must survive.
	kept *invariants.Snapshot
}

// Finish completes a system from its initial states.
func Finish(s *System, ops hooks.Ops, o Options) (*System, error) {
	if len(s.Inits) == 0 {
		return nil, fmt.Errorf("system %s: no start-of-day state fits the scope", s.Name)
	}
	if o.Preemptions < 0 || o.Preemptions > model.MaxPreemptions {
		return nil, fmt.Errorf("system %s: %d preemptions: want 0 to %d", s.Name, o.Preemptions, model.MaxPreemptions)
	}
	if o.Budget < 0 || o.Recheck < 0 || o.Patience < 0 {
		return nil, fmt.Errorf("system %s: budget %d, recheck %d, patience %v: want none below 0", s.Name, o.Budget, o.Recheck, o.Patience)
	}
	s.bounds, s.preemptions, s.failures = Bounds{o.Lowmem, o.Stale, o.Budget}, o.Preemptions, o.Failures
	s.recheck, s.patience = cmp.Or(o.Recheck, Recheck), cmp.Or(o.Patience, Patience)
	s.symmetric = o.Symmetry
	s.failures = s.failures && slices.ContainsFunc(s.Inits, func(i Init) bool { return i.State.L.Hyper != nil })
	if s.failures {
		s.Scope += ", each hypercall refused once"
	}
	if s.interrupts = o.Interrupts && s.Interruptible != nil; s.interrupts {
		s.Scope += ", interrupts wherever they come"
	}
	if s.Pairs != nil {
		s.Scope += fmt.Sprintf(", two processors, at most %d preemptions", s.preemptions)
	}
	if s.Enabled == nil {
		s.Enabled = calls
	}
	s.ops, s.fn, s.rules = ops, hooks.Generic(), invariants.Rules()
	s.rules = slices.DeleteFunc(s.rules, func(r invariants.Rule) bool {
		return !slices.ContainsFunc(s.Inits, func(i Init) bool { return r.For(i.State.L) })
	})
	s.rules = append(s.rules, o.Rules...)
	if o.Change.Kernel != nil {
		o.Change.Kernel(&s.ops, &s.fn)
		hooks.Announce(&s.ops)
		if s.Bare != nil {
			o.Change.Kernel(s.Bare, &s.fn)
			hooks.Announce(s.Bare)
		}
	}
	for i := range s.Inits {
		if o.Change.Machine != nil || o.Change.OfHypervisor() {
			changeMachine(s.Inits[i].State, &o.Change)
		}
		if st := s.Inits[i].State; st.Kernel.Phase == model.PhaseBoot {
			s.hooksOf(st.L).Start(st)
		}
		if s.Inits[i].kept == nil {
			s.Inits[i].kept = invariants.TakeSnapshot(s.Inits[i].State)
		}
	}
	return s, nil
}

// changeMachine changes a start of the day, what it is one of, and the hypervisor that
// judges it.
func changeMachine(st *model.State, c *systems.Change) {
	own := *st.L
	if own.Hyper != nil {
		h := *own.Hyper
		h.Profile = c.Judge(h.Profile)
		own.Hyper = &h
	}
	st.L = &own
	if c.Machine != nil {
		c.Machine(st)
	}
	st.SetLayout(&own)
	st.Commit()
}

// hooksOf are the hooks of the members with a layout.
func (s *System) hooksOf(l *model.Layout) *hooks.Ops {
	if s.Bare != nil && l.Hyper == nil {
		return s.Bare
	}
	return &s.ops
}

// Interleaves reports whether the system has calls that run side by side.
func (s *System) Interleaves() bool { return s.Pairs != nil }

// Rules returns the rules that the system is checked against.
func (s *System) Rules() []invariants.Rule { return s.rules }

// Bounds are the bounds that the system was asked for.
func (s *System) Bounds() Bounds { return s.bounds }

// startNames are the names of the start-of-day states.
func (s *System) startNames() []string {
	var names []string
	for i := range s.Inits {
		names = append(names, s.Inits[i].Name)
	}
	return names
}
