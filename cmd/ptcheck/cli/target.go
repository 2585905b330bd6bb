package cli

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/pvdp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// target is a system as explore sees it.
type target struct {
	name, scope string
	part        string // of the system, where it has several; else empty
	depth       *int   // how deep to search unless --depth says; nil: as others
	factory     explore.Factory
	symmetry    bool // symmetric states count once
	orbits      int  // index of the counter of all states, symmetric ones too; 0: none
	// counters are groups of what the model counts, in the order of its counters.
	counters []counterGroup
	// callText writes a call code in the language of scenario files.
	callText func(code uint64) string
	// explain turns a finding into a report and a scenario file.
	explain func(explore.Finding) (*reports.Finding, []byte, error)
}

// counterGroup is a named row of counters; a counter without a name is left out.
type counterGroup struct {
	name  string
	names []string
	due   bool // what never happened is a finding of its own
}

// targetNames lists the systems of explore.
func targetNames() []string { return append(all.Names(), "adversary", "pvdp", hyperName) }

// title is the system's name, with the part that is searched.
func (t *target) title() string { return strings.TrimSpace(t.name + " " + t.part) }

// targets makes the targets of a system from the flags.
func (f *exploreFlags) targets(cmd *cobra.Command, name string, p *model.Profile) ([]*target, error) {
	if name == hyperName {
		return f.hyperTargets(cmd, p)
	}
	if len(f.scopes) > 0 {
		return nil, fmt.Errorf("explore: --scope means nothing to system %s: it is for system %s", name, hyperName)
	}
	t, err := f.target(cmd, name, p)
	return []*target{t}, err
}

// bootOnly and adversaryOnly are flags that mean something to some systems.
var bootOnly, adversaryOnly = [...]string{"lowmem", "stale", "preemptions", "themes", "failures", "budget"}, [...]string{"frames", "slots", "ops", "flags"}

// target makes a system from the flags. Flags that it would ignore are refused.
func (f *exploreFlags) target(cmd *cobra.Command, name string, p *model.Profile) (*target, error) {
	for _, flag := range [...]string{"frames", "slots"} {
		if v, err := cmd.Flags().GetInt(flag); err == nil && v == 0 && cmd.Flags().Changed(flag) {
			return nil, fmt.Errorf("explore: --%s 0: want at least 1", flag)
		}
	}
	backend, isBoot := all.FindBackend(name)
	switch {
	case name == "adversary" || name == "pvdp":
		for _, flag := range bootOnly {
			if cmd.Flags().Changed(flag) {
				return nil, fmt.Errorf("explore: --%s means nothing to system %s", flag, name)
			}
		}
		return f.adversary(name, p)
	case isBoot:
		for _, flag := range adversaryOnly {
			if cmd.Flags().Changed(flag) {
				return nil, fmt.Errorf("explore: --%s means nothing to system %s", flag, name)
			}
		}
		life := strings.HasPrefix(name, "life")
		if len(f.themes) > 0 && !life {
			return nil, fmt.Errorf("explore: --themes means nothing to system %s: it only boots", name)
		}
		if life && (f.stale != 0 || f.lowmem != 0) {
			return nil, fmt.Errorf("explore: --stale and --lowmem mean nothing to system %s: it has booted", name)
		}
		if !backend.Paravirt && (f.stale != 0 || p != nil) {
			return nil, fmt.Errorf("explore: --stale and --profile mean nothing to system %s: it has neither builder nor Xen", name)
		}
		if f.symmetry == "on" || f.symmetry == "frames" {
			return nil, fmt.Errorf("explore: --symmetry=%s: system %s has no symmetry: its frames have places of their own", f.symmetry, name)
		}
		s, err := backend.New(kernel.Options{Levels: f.levels, Lowmem: f.lowmem, Stale: f.stale, Preemptions: f.preempt, Failures: f.fail, Budget: f.budget, Profile: p, Themes: f.themes})
		if err != nil {
			return nil, err
		}
		if cmd.Flags().Changed("preemptions") && !s.Interleaves() {
			return nil, fmt.Errorf("explore: --preemptions means nothing to system %s: no calls run side by side in it", name)
		}
		return bootTarget(s), nil
	}
	return nil, unknown("explore", "system", name, targetNames())
}

func bootTarget(s *kernel.System) *target {
	calls := []string{""}
	for k := model.CallKind(1); k < model.NumCalls; k++ {
		name := ""
		if s.Speaks(k) {
			name = k.String()
		}
		calls = append(calls, name)
	}
	var rules []string
	for _, r := range s.Rules() {
		rules = append(rules, r.ID)
	}
	return &target{
		name: s.Name, scope: s.Scope,
		factory:  func() explore.Model { return s.NewModel() },
		counters: []counterGroup{{"calls", calls, true}, {"rules", rules, true}},
		callText: func(code uint64) string { return kernel.CallOf(code).String() },
		explain: func(found explore.Finding) (*reports.Finding, []byte, error) {
			path := make([]kernel.Call, len(found.Path))
			for i, c := range found.Path {
				path[i] = kernel.CallOf(c)
			}
			rep, err := s.Explain(found.Init, path)
			if err != nil {
				return nil, nil, err
			}
			return rep, s.Scenario(found.Init, path, rep.Headline()), nil
		},
	}
}

// adversary makes an adversary: by default five frames, four levels and two
// slots, or PV-DP(4, 2, 1).
func (f *exploreFlags) adversary(name string, p *model.Profile) (*target, error) {
	o := pvdp.AdversaryOptions{Frames: f.frames, Slots: f.slots, Ops: f.ops, Flags: f.flags, Profile: p, FramesOnly: f.symmetry == "frames"}
	if len(f.levels) > 1 {
		return nil, fmt.Errorf("explore: --levels: system %s takes one number", name)
	}
	if len(f.levels) == 1 {
		o.Levels = f.levels[0]
	}
	fill := func(v *int, n int) {
		if *v == 0 {
			*v = n
		}
	}
	build := pvdp.PVDP
	if name == "pvdp" {
		fill(&o.Frames, 4)
		fill(&o.Levels, 2)
		fill(&o.Slots, 1)
	} else {
		build = pvdp.NewAdversary
		fill(&o.Frames, 5)
		fill(&o.Levels, 4)
		fill(&o.Slots, 2)
		if o.Ops == nil {
			o.Ops = []string{"mu", "st", "pin", "unpin", "cr3"}
		}
		if o.Flags == nil {
			o.Flags = []string{"P", "PW"}
		}
		if o.Profile == nil {
			o.Profile = model.Xen417()
		}
	}
	a, err := build(o)
	if err != nil {
		return nil, err
	}
	// The reference model's graph is known by its full size.
	a.CountOrbits = f.symmetry == "on" || f.symmetry == "frames" || f.symmetry == "auto" && name != "pvdp"
	t, err := adversaryTarget(a)
	if err != nil {
		return nil, err
	}
	t.symmetry = a.CountOrbits
	return t, nil
}

func adversaryTarget(a *pvdp.Adversary) (*target, error) {
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	return &target{
		name: a.Name, scope: a.Scope,
		factory: func() explore.Model {
			m, err := a.NewModel()
			if err != nil {
				panic(err) // the same was made above
			}
			return m
		},
		orbits:   2 * len(pvdp.OpNames()),
		counters: []counterGroup{{"operations", a.OpNames(), true}, {"refused", a.OpNames(), false}},
		callText: m.OpText,
		explain: func(found explore.Finding) (*reports.Finding, []byte, error) {
			rep, err := a.Explain(found.Path, int(found.Rule))
			if err != nil {
				return nil, nil, err
			}
			text, err := a.Scenario(found.Path, rep.Headline())
			return rep, text, err
		},
	}, nil
}
