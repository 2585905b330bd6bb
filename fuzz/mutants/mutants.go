// Package mutants holds real bugs of the protocol, planted one at a time: each
// replaces functions of a backend, of the generic code or of the hypervisor, and
// names the rule that must catch it.
package mutants

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// Mutant is one planted bug.
type Mutant struct {
	ID     string
	What   string // what is wrong, and what it does
	Source string // where the bug was
	Place
	// Change is what is planted.
	Change systems.Change
	// Catch is the rule that must catch it, or "crash KIND" for a kernel that dies,
	// and Steps the length of the shortest way there, in calls. Harmless changes have
	// neither.
	Catch string
	Steps int
}

// ofKernel is a change of the kernel's functions.
func ofKernel(patch func(*hooks.Ops, *hooks.Funcs)) systems.Change {
	return systems.Change{Kernel: patch}
}

// ofXen is a change of the hypervisor's decisions.
func ofXen(m model.Mutant) systems.Change { return systems.Change{Hypervisor: m} }

// ofStart is a change of what later kernels start from.
func ofStart(early func(*systems.EarlyStart)) systems.Change { return systems.Change{Early: early} }

// Result is what a search made of a mutant.
type Result struct {
	ID     string   `json:"id"`
	Caught bool     `json:"caught"` // by the rule named, on a way of the length named
	Rule   string   `json:"rule"`   // the rule named if it fires, else the first that does, empty if none
	Steps  int      `json:"steps"`  // length of the shortest way to it
	Fired  []string `json:"fired"`  // all that fire within the scope, first ones first
	States uint64   `json:"states"`
	// Complete says that the search found nothing new any more.
	Complete bool  `json:"complete"`
	Depth    int   `json:"depth"` // of the search, in calls
	Millis   int64 `json:"milliseconds"`

	finding explore.Finding // what Rule and Steps are about
	result  explore.Result
}

// bounds bound the search. Nothing must ever be found of a harmless change: those are
// searched as far as their place has it.
func (m *Mutant) bounds() explore.Options {
	o := explore.Options{FindAll: true, NoSymmetry: true}
	if m.Catch == "" {
		o.Depth, o.MaxStates = m.Place.depth, m.most
	} else {
		o.Depth = m.reach(m.Steps)
	}
	return o
}

// Search is the search of the mutated system.
func (m *Mutant) Search() (*systems.Search, error) {
	list, err := m.System.Searches(m.Values, m.Change)
	if err != nil {
		return nil, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	return list[0], nil
}

// Run searches the mutant's system for everything that goes wrong.
func (m *Mutant) Run(ctx context.Context) (Result, error) { return m.run(ctx, m.bounds()) }

func (m *Mutant) run(ctx context.Context, o explore.Options) (Result, error) {
	s, err := m.Search()
	if err != nil {
		return Result{}, err
	}
	r, err := s.Run(ctx, o)
	if err != nil {
		return Result{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	out := Result{ID: m.ID, Complete: r.Complete, Depth: r.Diameter, States: r.States, Millis: r.Duration.Milliseconds(), result: r}
	for _, f := range r.Findings {
		by := caughtBy(s.Breaks(f))
		if slices.Contains(out.Fired, by) {
			continue
		}
		if len(out.Fired) == 0 || by == m.Catch {
			out.Rule, out.Steps, out.finding = by, len(f.Path), f
		}
		out.Fired = append(out.Fired, by)
	}
	out.Caught = out.Rule == m.Catch && out.Steps == m.Steps
	return out, nil
}

// Reach says how far the search went: until nothing was new, to a number of calls, or to
// a number of states.
func (r *Result) Reach() string {
	switch r.result.Stopped {
	case explore.StopNone:
		return "to the end"
	case explore.StopDepth:
		return fmt.Sprintf("to depth %d", r.Depth)
	}
	return fmt.Sprintf("in %d states", r.States)
}

// caughtBy names what a verdict breaks: a rule's ID or "crash KIND".
func caughtBy(v systems.Verdict) string {
	if v.Kind == explore.Crashed {
		return "crash " + v.What
	}
	return v.What
}

// Scenario is the way to what a Run found.
func (m *Mutant) Scenario(r *Result) (systems.Scenario, error) {
	if r.Rule == "" {
		return nil, fmt.Errorf("mutants: %s: nothing fires: there is no way to it", m.ID)
	}
	s, err := m.Search()
	if err != nil {
		return nil, err
	}
	return s.Scenario(r.finding)
}

// Find returns the mutants with the given IDs, all of them for none.
func Find(ids []string) ([]Mutant, error) {
	all := All()
	if len(ids) == 0 {
		return all, nil
	}
	var out []Mutant
	for _, id := range ids {
		i := slices.IndexFunc(all, func(m Mutant) bool { return m.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("mutants: no mutant is named %q", id)
		}
		out = append(out, all[i])
	}
	return out, nil
}
