package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// exploreFlags are the flags of explore.
type exploreFlags struct {
	depth     int
	levels    []int
	lowmem    int
	frames    int
	slots     int
	ops       []string
	flags     []string
	profile   string
	workers   int
	maxStates uint64
	maxMemory uint64
	timeout   time.Duration
	all       bool
	symmetry  string
	json      bool
	save      string
}

func newExplore() *cobra.Command {
	var f exploreFlags
	cmd := &cobra.Command{
		Use:   "explore [SYSTEM...]",
		Short: "Search every call order of a system, exhaustively",
		Long: `explore drives the real hook code through every order of protocol calls, from
every start-of-day pagetable of the scope, and checks every rule at every step.

Systems:
  native, xen  the boot protocol on both backends (default: both)
  adversary    a guest that issues any hypercalls of an alphabet (--ops, --flags)
               on a few frames, against the hypervisor's rules (--profile)
  pvdp         the adversary of the PV-DP reference model; it counts every state
               of that graph unless --symmetry=on`,
		Example: `  ptcheck explore --depth=8
  ptcheck explore xen --levels=3 --depth=0
  ptcheck explore native --json
  ptcheck explore pvdp --frames=4 --levels=2 --slots=1 --depth=0 --json
  ptcheck explore adversary --profile=xen-4.17 --depth=4`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.depth, "depth", 8, "largest number of calls; 0: until nothing new is found")
	fl.IntSliceVar(&f.levels, "levels", nil, "numbers of table levels (default: all of the system; adversaries: one number)")
	fl.IntVar(&f.lowmem, "lowmem", 0, "boot systems: frames of low memory (default: the system's own)")
	fl.StringVar(&f.profile, "profile", "", "hypervisor rules: xen-3.1, xen-4.17 or ideal (default: all that the system has)")
	fl.IntVar(&f.frames, "frames", 0, "adversaries: number of frames")
	fl.IntVar(&f.slots, "slots", 0, "adversaries: slots a table")
	fl.StringSliceVar(&f.ops, "ops", nil, "adversary: operations, of "+strings.Join(system.OpNames(), " "))
	fl.StringSliceVar(&f.flags, "flags", nil, "adversary: flag sets of entries, such as P,PW,PWU")
	fl.IntVar(&f.workers, "workers", 0, "goroutines that search (default: one for each processor)")
	fl.Uint64Var(&f.maxStates, "max-states", 0, "stop at so many states")
	fl.Uint64Var(&f.maxMemory, "max-memory", 0, "stop at so many MiB of stored states")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop after this time")
	fl.BoolVar(&f.all, "all", false, "go on after the first finding and keep the first of each kind")
	fl.StringVar(&f.symmetry, "symmetry", "auto", "count symmetric states once: on, off, frames (not slots), or auto (as the system has it)")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	fl.StringVar(&f.save, "save", ".", "folder for counterexamples as scenario files; empty: none")
	return cmd
}

// check refuses impossible questions.
func (f *exploreFlags) check() error {
	if f.depth < 0 {
		return fmt.Errorf("explore: --depth %d: want 0 or more", f.depth)
	}
	if f.workers < 0 {
		return fmt.Errorf("explore: --workers %d: want 0 or more", f.workers)
	}
	for _, l := range f.levels {
		if l < 2 || l > model.MaxLevels {
			return fmt.Errorf("explore: --levels %d: want 2 to %d", l, model.MaxLevels)
		}
	}
	switch f.symmetry {
	case "auto", "on", "off", "frames":
	default:
		return fmt.Errorf("explore: --symmetry %q: want on, off, frames or auto", f.symmetry)
	}
	if f.lowmem < 0 {
		return fmt.Errorf("explore: --lowmem %d: want 0 or more", f.lowmem)
	}
	return nil
}

// findProfile returns the named rules of the hypervisor, nil for "".
func findProfile(name string) (*model.Profile, error) {
	if name == "" {
		return nil, nil
	}
	for _, p := range model.Profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("--profile: no rules are named %q", name)
}

func (f *exploreFlags) run(cmd *cobra.Command, names []string) error {
	if err := f.check(); err != nil {
		return err
	}
	profile, err := findProfile(f.profile)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = system.Names()
	}
	var targets []*target
	for _, name := range names {
		t, err := f.target(cmd, name, profile)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	var verdicts []*verdict
	for _, t := range targets {
		v, err := f.search(cmd, t)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
	}
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), verdicts)
	} else {
		err = writeText(cmd.OutOrStdout(), verdicts)
	}
	return errors.Join(err, exitOf(verdicts))
}

// search runs one system.
func (f *exploreFlags) search(cmd *cobra.Command, t *target) (*verdict, error) {
	p := newProgress(t.name)
	r, err := explore.Run(cmd.Context(), t.factory, explore.Options{
		Depth: f.depth, Workers: f.workers, MaxStates: f.maxStates, MaxMemory: f.maxMemory << 20,
		Timeout: f.timeout, FindAll: f.all, NoSymmetry: !t.symmetry, Progress: p.show, ProgressEvery: p.every(),
	})
	p.done()
	if err != nil {
		return nil, err
	}
	v := &verdict{target: t, result: r, depth: f.depth}
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
	if f.save != "" {
		name, err := saveScenario(f.save, v.target.name, rep, scenario)
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
	kind := rep.Rule
	if kind == "" {
		kind = "crash"
	}
	name := filepath.Join(dir, fmt.Sprintf("ptcheck-%s-%s.pt", sys, kind))
	return name, writeWhole(name, text)
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
