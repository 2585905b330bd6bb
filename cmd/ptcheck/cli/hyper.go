package cli

import (
	"github.com/ptcheck/ptcheck/systems/hostile"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
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
	if name := unknownWord(f.scopes, hostile.HostileScopeNames()); name != "" {
		return nil, unknown("--scope", "scope", name, hostile.HostileScopeNames())
	}
	var out []*target
	for _, sc := range hostile.HostileScopes() {
		if len(f.scopes) > 0 && !slices.Contains(f.scopes, sc.Name) {
			continue
		}
		if p != nil {
			sc.Options.Profile = p
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

func hyperTarget(sc hostile.HostileScope) (*target, error) {
	h, err := hostile.NewHostile(sc.Options)
	if err != nil {
		return nil, err
	}
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	done, refused, rules := h.CounterNames()
	return &target{
		name: h.Name, part: sc.Name, scope: fmt.Sprintf("%s: %s: %s", sc.Name, sc.Says, h.Scope), depth: &sc.Depth,
		factory: func() explore.Model {
			m, err := h.NewModel()
			if err != nil {
				panic(err) // the same was made above
			}
			return m
		},
		counters: []counterGroup{{"operations", done, true}, {"refused", refused, false}, {"rules", rules, true}},
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
	for _, sc := range hostile.HostileScopes() {
		fmt.Fprintf(&b, "  %-12s %s\n", sc.Name, sc.Says)
	}
	return b.String()
}
