package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
)

func newExplore() *cobra.Command {
	var f exploreFlags
	cmd := &cobra.Command{
		Use:   "explore [SYSTEM...]",
		Short: "Search every call order of a system, exhaustively",
		Long: `explore drives the real hook code through every order of protocol calls, from
every start-of-day pagetable of the scope, and checks every rule at every step.

Systems (default: ` + strings.Join(system.DefaultNames(), ", ") + `):
` + backendsHelp() + `  adversary    a guest that issues any hypercalls of an alphabet (--ops, --flags)
               on a few frames, against the hypervisor's rules (--profile)
  pvdp         the adversary of the PV-DP reference model; it counts every state
               of that graph unless --symmetry=on
  hyper        a hostile guest with more ways: one search for each scope of --scope

Scopes of hyper (default: all, each to a depth of its own that takes seconds):
` + scopesHelp() + `
Guests that are interrupted or have two processors are judged by the rules of
Xen 4.17, the others by ideal ones, unless --profile names others: Xen 4.17 loses
references, in scope pae at once, in nested one operation below its own depth.`,
		Example: `  ptcheck explore --depth=8
  ptcheck explore xen --levels=3 --depth=0
  ptcheck explore native --json
  ptcheck explore pvdp --frames=4 --levels=2 --slots=1 --depth=0 --json
  ptcheck explore adversary --profile=xen-4.17 --depth=4
  ptcheck explore hyper --strict
  ptcheck explore hyper --scope=stale,race --depth=5
  ptcheck explore pvdp --frames=5 --depth=0 --checkpoint=progress`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f.systemFlags(cmd.Flags())
	f.searchFlags(cmd.Flags())
	f.outputFlags(cmd.Flags())
	f.completions(cmd)
	return cmd
}

// backendsHelp lists the boot systems for the help page.
func backendsHelp() string {
	var b strings.Builder
	for _, x := range system.Backends() {
		fmt.Fprintf(&b, "  %-12s %s\n", x.Name, x.Says)
	}
	return b.String()
}

// profileNames are the names of the hypervisor's rules.
func profileNames() []string {
	var names []string
	for _, p := range append(model.Profiles(), model.Xen417Known()) {
		names = append(names, p.Name)
	}
	return names
}

// findProfile returns the named rules of the hypervisor, nil for "".
func findProfile(name string) (*model.Profile, error) {
	if name == "" {
		return nil, nil
	}
	if p, ok := model.ProfileNamed(name); ok {
		return p, nil
	}
	return nil, unknown("--profile", "set of rules", name, profileNames())
}

func (f *exploreFlags) run(cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = system.DefaultNames()
	}
	if err := f.check(names); err != nil {
		return err
	}
	profile, err := findProfile(f.profile)
	if err != nil {
		return err
	}
	var targets []*target
	for _, name := range names {
		t, err := f.targets(cmd, name, profile)
		if err != nil {
			return err
		}
		targets = append(targets, t...)
	}
	if len(targets) > 1 && f.single() {
		return fmt.Errorf("explore: --checkpoint, --resume, --graph and --disk go with one scope: name it with --scope")
	}
	var verdicts []*verdict
	for _, t := range targets {
		v, err := f.search(cmd, t)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	return errors.Join(f.show(cmd.OutOrStdout(), verdicts), exitOf(verdicts, f.strict))
}

// show prints the verdicts and writes their reports.
func (f *exploreFlags) show(w io.Writer, verdicts []*verdict) error {
	var runs []reports.Run
	for _, v := range verdicts {
		runs = append(runs, v.run(f.report.timings))
	}
	if err := f.report.write(w, runs); err != nil || f.report.format != "" {
		return err
	}
	if f.json {
		return writeJSON(w, verdicts)
	}
	return writeText(w, verdicts)
}

// search runs one system.
func (f *exploreFlags) search(cmd *cobra.Command, t *target) (*verdict, error) {
	opt, err := f.options(t)
	if err != nil {
		return nil, err
	}
	p := newProgress(cmd, t.title())
	opt.Progress, opt.ProgressEvery = p.show, p.every()
	var dot *dotGraph
	if f.graph != "" {
		dot = newDotGraph(t)
		opt.Edges, opt.MaxEdges = dot.edge, f.graphLimit
	}
	r, err := explore.Run(cmd.Context(), t.factory, opt)
	p.done()
	if err != nil {
		return nil, err
	}
	if dot != nil {
		if err := writeWhole(f.graph, dot.bytes()); err != nil {
			return nil, fmt.Errorf("explore: --graph: %w", err)
		}
	}
	v := &verdict{target: t, result: r, depth: opt.Depth, strategy: opt.Strategy}
	for _, found := range r.Findings {
		if err := f.explain(v, found); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// explain turns a finding into a report and saves its scenario.
func (f *exploreFlags) explain(v *verdict, found explore.Finding) error {
	rep, scenario, err := v.target.explain(found)
	if err != nil {
		return err
	}
	if rep, scenario, err = shorten(v.strategy, rep, scenario); err != nil {
		return err
	}
	rep.Scenario = string(scenario)
	if f.save != "" {
		name, err := saveScenario(f.save, strings.ReplaceAll(v.target.title(), " ", "-"), rep, scenario)
		if err != nil {
			return err
		}
		rep.Replay = "ptcheck replay " + name
	}
	v.findings = append(v.findings, rep)
	return nil
}

// saveScenario writes a counterexample into a folder and returns its path.
func saveScenario(dir, sys string, rep *reports.Finding, text []byte) (string, error) {
	name := filepath.Join(dir, scenarioName(sys, rep))
	return name, writeWhole(name, text)
}

// scenarioName is the name of a counterexample's file.
func scenarioName(sys string, rep *reports.Finding) string {
	kind := rep.Rule
	if kind == "" {
		kind = "crash"
	}
	return fmt.Sprintf("ptcheck-%s-%s.pt", sys, kind)
}

// writeWhole writes a file whole or not at all.
func writeWhole(name string, data []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".ptcheck-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
