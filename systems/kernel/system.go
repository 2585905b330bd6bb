package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// System is a searchable system: a backend, the start-of-day states that it may
// boot from, and the rules that it must obey. It never changes once made;
// [System.NewModel] gives each worker its own working state.
type System struct {
	Name string
	// Scope says in one line what the search ranges over.
	Scope string
	Inits []Init

	lowmem, stale, budget int // as asked for; 0 means the family's own
	recheck               int
	patience              time.Duration

	Ops   hooks.Ops
	Bare  *hooks.Ops // of members without a hypervisor, nil: the same
	fn    hooks.Funcs
	rules []invariants.Rule
	// enabled appends the codes of the calls that the protocol allows in a state.
	Enabled func(dst []uint64, s *model.State) []uint64
	// pairs appends calls that two processors may make at the same time, without a
	// schedule; nil: none. Systems with pairs start with two processors.
	// kinds are the calls of life after boot that the system has, by kind, as bits.
	Kinds       uint64
	Pairs       func(dst []Call, s *model.State) []Call
	preemptions int
	failures    bool // each hypercall may be refused
}

// Init is one start-of-day state.
type Init struct {
	// Name tells the members of the family apart, in the words of the scope.
	Name  string
	State *model.State
	// kept are the translations that must survive.
	kept *invariants.Snapshot
}

// Options narrow or change a system.
type Options struct {
	// Levels are the numbers of table levels of the geometries, nil for all.
	Levels []int
	// Lowmem is the number of frames of low memory; 0 means the system's own.
	Lowmem int
	// Stale is the least number of leaves that the domain builder leaves with
	// other attributes than the kernel's; 0 means the family's own. Each one
	// doubles the states.
	Stale int
	// Profile is the hypervisor's rules: members of the family whose rules have its
	// name run under it. Nil stands for both Xen 3.1 and 4.17.
	Profile *model.Profile
	// Preemptions is the largest number of preemptions in a schedule of two calls
	// side by side, 0 to model.MaxPreemptions.
	Preemptions int
	// Failures has each hypercall of each call refused once, for want of memory.
	Failures bool
	// Odd are the numbers of odd members, behind those of the family; see odd.go.
	Odd []int
	// Drawn are the names of drawn machines of package drawn, which boot instead of
	// the family.
	Drawn []string
	// Themes are the themes of life after boot to search, nil for all.
	Themes []string
	// Budget is the largest number of operations of a call, of both together that run
	// side by side; 0 means that of the layout.
	Budget int
	// Patience is how long a call may take on the clock; 0 means the package's Patience.
	Patience time.Duration
	// Recheck is the number of states of which one has its calls made twice; 0 means the
	// package's Recheck, 1 every state.
	Recheck int
	// Patch replaces functions of the kernel: it makes a mutant.
	Patch func(*hooks.Ops, *hooks.Funcs)
	// Rules are checked besides those of package invariants.
	Rules []invariants.Rule
	// Early changes what the members of buffer and topdown start from.
	Early func(*EarlyStart)
}

// wants reports whether the options ask for a number of levels.
func (o *Options) Wants(levels int) bool {
	if len(o.Levels) == 0 {
		return true
	}
	for _, l := range o.Levels {
		if l == levels {
			return true
		}
	}
	return false
}

// finish completes a system from its initial states.
func Finish(s *System, ops hooks.Ops, o Options) (*System, error) {
	if len(s.Inits) == 0 {
		return nil, fmt.Errorf("system: %s: no start-of-day state fits the scope", s.Name)
	}
	if o.Preemptions < 0 || o.Preemptions > model.MaxPreemptions {
		return nil, fmt.Errorf("system: %s: %d preemptions: want 0 to %d", s.Name, o.Preemptions, model.MaxPreemptions)
	}
	if o.Budget < 0 || o.Recheck < 0 || o.Patience < 0 {
		return nil, fmt.Errorf("system: %s: budget %d, recheck %d, patience %v: want none below 0", s.Name, o.Budget, o.Recheck, o.Patience)
	}
	s.lowmem, s.stale, s.preemptions, s.failures = o.Lowmem, o.Stale, o.Preemptions, o.Failures
	s.budget, s.recheck, s.patience = o.Budget, cmp.Or(o.Recheck, Recheck), cmp.Or(o.Patience, Patience)
	s.failures = s.failures && slices.ContainsFunc(s.Inits, func(i Init) bool { return i.State.L.Hyper != nil })
	if s.failures {
		s.Scope += ", each hypercall refused once"
	}
	if s.Pairs != nil {
		s.Scope += fmt.Sprintf(", two processors, at most %d preemptions", s.preemptions)
	}
	if s.Enabled == nil {
		s.Enabled = calls
	}
	s.Ops, s.fn, s.rules = ops, hooks.Generic(), invariants.Rules()
	s.rules = slices.DeleteFunc(s.rules, func(r invariants.Rule) bool {
		return !slices.ContainsFunc(s.Inits, func(i Init) bool { return r.For(i.State.L) })
	})
	s.rules = append(s.rules, o.Rules...)
	if o.Patch != nil {
		o.Patch(&s.Ops, &s.fn)
		hooks.Announce(&s.Ops)
		if s.Bare != nil {
			o.Patch(s.Bare, &s.fn)
			hooks.Announce(s.Bare)
		}
	}
	for i := range s.Inits {
		if st := s.Inits[i].State; st.Kernel.Phase == model.PhaseBoot {
			s.hooksOf(st.L).Start(st)
		}
		s.Inits[i].kept = invariants.TakeSnapshot(s.Inits[i].State)
	}
	return s, nil
}

// hooksOf are the hooks of the members with a layout.
func (s *System) hooksOf(l *model.Layout) *hooks.Ops {
	if s.Bare != nil && l.Hyper == nil {
		return s.Bare
	}
	return &s.Ops
}

// Interleaves reports whether the system has calls that run side by side.
func (s *System) Interleaves() bool { return s.Pairs != nil }

// Rules returns the rules that the system is checked against.
func (s *System) Rules() []invariants.Rule { return s.rules }
