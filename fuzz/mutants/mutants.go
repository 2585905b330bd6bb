// Package mutants holds real bugs of the protocol, planted one at a time: each
// replaces functions of a backend, of the generic code or of the hypervisor, and
// names the rule that must catch it.
package mutants

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/pvdp"
	"context"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Mutant is one planted bug.
type Mutant struct {
	ID     string
	What   string // what is wrong, and what it does
	Source string // where the bug was
	System string // native, xen, pvdp or hyper
	Levels int    // table levels of the scope; 0: all that the system has
	// Catch is the rule that must catch it, or "crash KIND" for a kernel that dies,
	// and Steps the length of the shortest way there, in calls. Harmless changes have
	// neither.
	Catch string
	Steps int

	patch func(*hooks.Ops, *hooks.Funcs)
	judge model.Mutant
	early func(*kernel.EarlyStart) // changes what later kernels start from
	// guest is the scope of system hyper; its profile is changed by judge.
	guest *hostile.HostileOptions
	// theme is what is searched of life after boot, preempt the bound on preemptions
	// where there are two processors.
	theme   string
	preempt int
}

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
	Millis   int64 `json:"milliseconds"`

	finding explore.Finding // what Rule and Steps are about
	search  explore.Result
}

// depth bounds the searches; every mutant shows well before. Nothing must ever be
// found of a harmless change, and later kernels have few choices: those are
// searched whole.
func (m *Mutant) depth() int {
	switch {
	case m.Catch == "" || m.System == "buffer" || m.System == "topdown":
		return 0
	case m.guest != nil || m.preempt > 0:
		return m.Steps // such scopes grow fast; what matters shows by then
	case m.theme != "":
		return m.Steps + 1
	}
	return 8
}

// subject is a mutated system, ready to be searched.
type subject struct {
	factory explore.Factory
	// rule names what a finding breaks: a rule's ID or "crash KIND".
	rule func(explore.Finding) string
	// explain turns a finding into a report and a scenario file.
	explain func(explore.Finding) (*reports.Finding, []byte, error)
	scope   string
	// coverage names the counters of a search.
	coverage func(counters []uint64) []reports.Group
}

// Run searches the mutant's system for everything that goes wrong.
func (m *Mutant) Run(ctx context.Context) (Result, error) {
	s, err := m.subject()
	if err != nil {
		return Result{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	r, err := kernel.Search(ctx, s.factory, explore.Options{Depth: m.depth(), FindAll: true, NoSymmetry: true})
	if err != nil {
		return Result{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	out := Result{ID: m.ID, Complete: r.Complete, States: r.States, Millis: r.Duration.Milliseconds(), search: r}
	for _, f := range r.Findings {
		by := s.rule(f)
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

// Explain turns the finding of a Run into a report and a scenario file.
func (m *Mutant) Explain(r *Result) (*reports.Finding, []byte, error) {
	s, err := m.subject()
	if err != nil {
		return nil, nil, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	return s.explain(r.finding)
}

// subject returns the mutated system.
func (m *Mutant) subject() (*subject, error) {
	if m.guest != nil {
		o := *m.guest
		p := *o.Profile
		p.Mutant = m.judge
		o.Profile = &p
		return guestSubject(o)
	}
	if m.System == "pvdp" {
		p := model.Plain()
		p.Mutant = m.judge
		a, err := pvdp.PVDP(pvdp.AdversaryOptions{Frames: 4, Levels: m.Levels, Slots: 1, Profile: p})
		if err != nil {
			return nil, err
		}
		return adversarySubject(a)
	}
	o := kernel.Options{Patch: m.patch, Early: m.early, Preemptions: m.preempt, Failures: true}
	if m.theme != "" {
		o.Themes = []string{m.theme}
	}
	if m.Levels != 0 {
		o.Levels = []int{m.Levels}
	}
	s, err := all.New(m.System, o)
	if err != nil {
		return nil, err
	}
	return kernelSubject(s), nil
}

// adversarySubject is a hostile guest against a mutated hypervisor.
func adversarySubject(a *pvdp.Adversary) (*subject, error) {
	if _, err := a.NewModel(); err != nil {
		return nil, err
	}
	return &subject{
		factory: func() explore.Model {
			w, _ := a.NewModel() // it could be made a moment ago
			return w
		},
		rule: func(f explore.Finding) string { return pvdp.AdversaryRules()[f.Rule] },
		explain: func(f explore.Finding) (*reports.Finding, []byte, error) {
			rep, err := a.Explain(f.Path, int(f.Rule))
			if err != nil {
				return nil, nil, err
			}
			text, err := a.Scenario(f.Path, rep.Headline())
			return rep, text, err
		},
		scope: a.Scope, coverage: a.Coverage,
	}, nil
}

// guestSubject is a hostile guest with many ways against a mutated hypervisor.
func guestSubject(o hostile.HostileOptions) (*subject, error) {
	h, err := hostile.NewHostile(o)
	if err != nil {
		return nil, err
	}
	return &subject{
		factory: func() explore.Model {
			w, _ := h.NewModel() // a start was made a moment ago
			return w
		},
		rule: func(f explore.Finding) string { return h.Rules()[f.Rule].ID },
		explain: func(f explore.Finding) (*reports.Finding, []byte, error) {
			rep, err := h.Explain(f.Path, int(f.Rule))
			if err != nil {
				return nil, nil, err
			}
			return rep, h.Scenario(f.Path, rep.Headline()), nil
		},
		scope: h.Scope, coverage: h.Coverage,
	}, nil
}

// kernelSubject is a mutated kernel.
func kernelSubject(s *kernel.System) *subject {
	return &subject{
		factory: func() explore.Model { return s.NewModel() },
		rule: func(f explore.Finding) string {
			if f.Kind == explore.Crashed {
				return "crash " + model.CrashKind(f.Rule).String()
			}
			return s.Rules()[f.Rule].ID
		},
		explain: func(f explore.Finding) (*reports.Finding, []byte, error) {
			path := make([]kernel.Call, len(f.Path))
			for i, c := range f.Path {
				path[i] = kernel.CallOf(c)
			}
			rep, err := s.Explain(f.Init, path)
			if err != nil {
				return nil, nil, err
			}
			return rep, s.Scenario(f.Init, path, rep.Headline()), nil
		},
		scope: s.Scope, coverage: s.Coverage,
	}
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
