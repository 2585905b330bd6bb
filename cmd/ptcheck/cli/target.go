package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
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
func targetNames() []string { return append(system.Names(), "adversary", "pvdp", hyperName) }

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
var bootOnly, adversaryOnly = [...]string{"lowmem", "stale", "preemptions", "themes", "failures"}, [...]string{"frames", "slots", "ops", "flags"}

// target makes a system from the flags. Flags that it would ignore are refused.
func (f *exploreFlags) target(cmd *cobra.Command, name string, p *model.Profile) (*target, error) {
	for _, flag := range [...]string{"frames", "slots"} {
		if v, err := cmd.Flags().GetInt(flag); err == nil && v == 0 && cmd.Flags().Changed(flag) {
			return nil, fmt.Errorf("explore: --%s 0: want at least 1", flag)
		}
	}
	backend, isBoot := system.FindBackend(name)
	switch {
	case name == "adversary" || name == "pvdp":
		for _, flag := range bootOnly {
			if cmd.Flags().Changed(flag) {
				return nil, fmt.Errorf("explore: --%s means nothing to system %s", flag, name)
			}
		}
		return f.adversary(cmd, name, p)
	case isBoot:
		for _, flag := range adversaryOnly {
			if cmd.Flags().Changed(flag) {
				return nil, fmt.Errorf("explore: --%s means nothing to system %s", flag, name)
			}
		}
		if cmd.Flags().Changed("guest") {
			return nil, fmt.Errorf("explore: --guest means nothing to system %s: it is for adversary and %s", name, hyperName)
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
		s, err := backend.New(system.Options{Levels: f.levels, Lowmem: f.lowmem, Stale: f.stale, Preemptions: f.preempt, Failures: f.fail, Profile: p, Themes: f.themes})
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

func bootTarget(s *system.System) *target {
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
		callText: func(code uint64) string { return system.CallOf(code).String() },
		explain: func(found explore.Finding) (*reports.Finding, []byte, error) {
			path := make([]system.Call, len(found.Path))
			for i, c := range found.Path {
				path[i] = system.CallOf(c)
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
func (f *exploreFlags) adversary(cmd *cobra.Command, name string, p *model.Profile) (*target, error) {
	o := system.AdversaryOptions{Frames: f.frames, Slots: f.slots, Ops: f.ops, Flags: f.flags, Profile: p, FramesOnly: f.symmetry == "frames"}
	kind, given, err := f.kind(cmd)
	switch {
	case err != nil:
		return nil, err
	case given && name == "pvdp":
		return nil, fmt.Errorf("explore: --guest means nothing to system pvdp: the reference model knows one kind")
	}
	o.Guest = kind
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
	build := system.PVDP
	if name == "pvdp" {
		fill(&o.Frames, 4)
		fill(&o.Levels, 2)
		fill(&o.Slots, 1)
	} else {
		build = system.NewAdversary
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

// kind is the kind of guest that is asked for, if one is.
func (f *exploreFlags) kind(cmd *cobra.Command) (k model.GuestKind, given bool, err error) {
	if !cmd.Flags().Changed("guest") {
		return 0, false, nil
	}
	if k, err = model.ParseGuestKind(f.guest); err != nil {
		return 0, false, fmt.Errorf("explore: --guest: %w", err)
	}
	return k, true, nil
}

func adversaryTarget(a *system.Adversary) (*target, error) {
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
		orbits:   2 * len(system.OpNames()),
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
