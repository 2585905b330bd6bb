package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// hyperName is the system of hostile guests with many ways. It has several scopes,
// each a target of its own.
const hyperName = "hyper"

// hyperTargets makes the targets of the scopes asked for, all for none.
func (f *exploreFlags) hyperTargets(cmd *cobra.Command, p *model.Profile) ([]*target, error) {
	for _, flag := range slices.Concat(bootOnly[:], adversaryOnly[:], []string{"levels"}) {
		if cmd.Flags().Changed(flag) {
			return nil, fmt.Errorf("explore: --%s means nothing to system %s: its scopes say what they are", flag, hyperName)
		}
	}
	if f.symmetry == "on" || f.symmetry == "frames" {
		return nil, fmt.Errorf("explore: --symmetry=%s: system %s has no symmetry", f.symmetry, hyperName)
	}
	if name := unknownWord(f.scopes, system.HostileScopeNames()); name != "" {
		return nil, unknown("--scope", "scope", name, system.HostileScopeNames())
	}
	kind, given, err := f.kind(cmd)
	if err != nil {
		return nil, err
	}
	var out []*target
	for _, sc := range system.HostileScopes() {
		if len(f.scopes) > 0 && !slices.Contains(f.scopes, sc.Name) || len(f.scopes) == 0 && p != nil && sc.Again() {
			continue
		}
		if p != nil {
			sc.Options.Profile = p
		}
		if given {
			sc.Options.Guest = kind
		}
		t, err := hyperTarget(sc)
		if err != nil {
			return nil, err
		}
		if cmd.Flags().Changed("depth") {
			t.depth = nil
		}
		out = append(out, t)
	}
	return out, nil
}

func hyperTarget(sc system.HostileScope) (*target, error) {
	h, err := system.NewHostile(sc.Options)
	if err != nil {
		return nil, err
	}
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	done, refused, rules, forgets := h.CounterNames()
	counters := []counterGroup{{"operations", done, true}, {"refused", refused, false}, {"rules", rules, true}}
	if sc.Options.Profile.Known {
		counters = append(counters, counterGroup{"forgotten", forgets, false})
	}
	return &target{
		name: h.Name, part: sc.Name, scope: fmt.Sprintf("%s: %s: %s", sc.Name, sc.Says, h.Scope), depth: &sc.Depth,
		factory: func() explore.Model {
			m, err := h.NewModel()
			if err != nil {
				panic(err) // the same was made above
			}
			return m
		},
		counters: counters,
		callText: m.OpText,
		explain: func(found explore.Finding) (*reports.Finding, []byte, error) {
			rep, err := h.Explain(found.Path, int(found.Rule))
			if err != nil {
				return nil, nil, err
			}
			return rep, h.Scenario(found.Path, rep.Headline()), nil
		},
	}, nil
}

// scopesHelp lists the scopes for the help page.
func scopesHelp() string {
	var b strings.Builder
	for _, sc := range system.HostileScopes() {
		fmt.Fprintf(&b, "  %-12s %s\n", sc.Name, sc.Says)
	}
	return b.String()
}
