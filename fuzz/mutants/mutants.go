// Package mutants holds real bugs of the protocol, planted one at a time: each
// replaces functions of a backend, of the generic code or of the hypervisor, and
// names the rule that must catch it.
package mutants

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Mutant is one planted bug.
type Mutant struct {
	ID     string
	What   string // what is wrong, and what it does
	Source string // where the bug was
	System string // native, xen or pvdp
	Levels int    // table levels of the scope
	// Catch is the rule that must catch it, or "crash KIND" for a kernel that dies,
	// and Steps the length of the shortest way there, in calls.
	Catch string
	Steps int

	patch func(*hooks.Ops, *hooks.Funcs)
	judge model.Mutant
}

// Result is what a search made of a mutant.
type Result struct {
	ID     string   `json:"id"`
	Caught bool     `json:"caught"` // by the rule named, on a way of the length named
	Rule   string   `json:"rule"`   // the rule named if it fires, else the first that does, empty if none
	Steps  int      `json:"steps"`  // length of the shortest way to it
	Fired  []string `json:"fired"`  // all that fire within the scope, first ones first
	States uint64   `json:"states"`
	Millis int64    `json:"milliseconds"`
}

// depth bounds the searches; every mutant shows well before.
const depth = 8

// Run searches the mutant's system for everything that goes wrong.
func (m *Mutant) Run(ctx context.Context) (Result, error) {
	factory, name, err := m.model()
	if err != nil {
		return Result{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	r, err := explore.Run(ctx, factory, explore.Options{Depth: depth, FindAll: true, NoSymmetry: true})
	if err != nil {
		return Result{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	out := Result{ID: m.ID, States: r.States, Millis: r.Duration.Milliseconds()}
	for _, f := range r.Findings {
		by := name(f)
		if slices.Contains(out.Fired, by) {
			continue
		}
		if len(out.Fired) == 0 || by == m.Catch {
			out.Rule, out.Steps = by, len(f.Path)
		}
		out.Fired = append(out.Fired, by)
	}
	out.Caught = out.Rule == m.Catch && out.Steps == m.Steps
	return out, nil
}

// model returns the mutated system and what its findings are called.
func (m *Mutant) model() (explore.Factory, func(explore.Finding) string, error) {
	if m.System == "pvdp" {
		p := model.Plain()
		p.Mutant = m.judge
		a, err := system.PVDP(system.AdversaryOptions{Frames: 4, Levels: m.Levels, Slots: 1, Profile: p})
		if err != nil {
			return nil, nil, err
		}
		if _, err := a.NewModel(); err != nil {
			return nil, nil, err
		}
		name := func(f explore.Finding) string { return system.AdversaryRules()[f.Rule] }
		return func() explore.Model {
			w, _ := a.NewModel() // it could be made a moment ago
			return w
		}, name, nil
	}
	s, err := system.New(m.System, system.Options{Levels: []int{m.Levels}, Patch: m.patch})
	if err != nil {
		return nil, nil, err
	}
	name := func(f explore.Finding) string {
		if f.Kind == explore.Crashed {
			return "crash " + model.CrashKind(f.Rule).String()
		}
		return s.Rules()[f.Rule].ID
	}
	return func() explore.Model { return s.NewModel() }, name, nil
}

// Find returns the mutants with the given IDs, all of them for none.
func Find(ids []string) ([]Mutant, error) {
	if len(ids) == 0 {
		return All(), nil
	}
	var out []Mutant
	for _, id := range ids {
		i := slices.IndexFunc(All(), func(m Mutant) bool { return m.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("mutants: no mutant is named %q", id)
		}
		out = append(out, All()[i])
	}
	return out, nil
}
