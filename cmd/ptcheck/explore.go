package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	profile   string
	workers   int
	maxStates uint64
	maxMemory uint64
	timeout   time.Duration
	all       bool
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

Systems: native, xen (default: both).`,
		Example: `  ptcheck explore --depth=8
  ptcheck explore xen --levels=3 --depth=0
  ptcheck explore native --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return system.Names(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.depth, "depth", 8, "largest number of calls; 0: until nothing new is found")
	fl.IntSliceVar(&f.levels, "levels", nil, "numbers of table levels (default: all of the system)")
	fl.IntVar(&f.lowmem, "lowmem", 0, "frames of low memory (default: the system's own)")
	fl.StringVar(&f.profile, "profile", "", "hypervisor rules: xen-3.1 or xen-4.17 (default: both)")
	fl.IntVar(&f.workers, "workers", 0, "goroutines that search (default: one for each processor)")
	fl.Uint64Var(&f.maxStates, "max-states", 0, "stop at so many states")
	fl.Uint64Var(&f.maxMemory, "max-memory", 0, "stop at so many MiB of stored states")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop after this time")
	fl.BoolVar(&f.all, "all", false, "go on after the first finding and keep the first of each kind")
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
	var systems []*system.System
	for _, name := range names {
		s, err := system.New(name, system.Options{Levels: f.levels, Lowmem: f.lowmem, Profile: profile})
		if err != nil {
			return err
		}
		systems = append(systems, s)
	}
	var verdicts []*verdict
	for _, s := range systems {
		v, err := f.search(cmd, s)
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
func (f *exploreFlags) search(cmd *cobra.Command, s *system.System) (*verdict, error) {
	p := newProgress(s.Name)
	r, err := explore.Run(cmd.Context(), func() explore.Model { return s.NewModel() }, explore.Options{
		Depth: f.depth, Workers: f.workers, MaxStates: f.maxStates, MaxMemory: f.maxMemory << 20,
		Timeout: f.timeout, FindAll: f.all, Progress: p.show, ProgressEvery: p.every(),
	})
	p.done()
	if err != nil {
		return nil, err
	}
	v := &verdict{sys: s, result: r, depth: f.depth}
	for _, found := range r.Findings {
		if err := f.explain(v, found); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// explain turns a finding into a report and saves its scenario.
func (f *exploreFlags) explain(v *verdict, found explore.Finding) error {
	path := make([]system.Call, len(found.Path))
	for i, c := range found.Path {
		path[i] = system.CallOf(c)
	}
	rep, err := v.sys.Explain(found.Init, path)
	if err != nil {
		return err
	}
	if f.save != "" {
		name, err := saveScenario(f.save, v.sys.Name, rep, v.sys.Scenario(found.Init, path, rep.Headline()))
		if err != nil {
			return err
		}
		rep.Replay = "ptcheck replay " + name
	}
	v.findings = append(v.findings, rep)
	return nil
}

// saveScenario writes a counterexample into a folder, whole or not at all.
func saveScenario(dir, sys string, rep *reports.Finding, text []byte) (string, error) {
	kind := rep.Rule
	if kind == "" {
		kind = "crash"
	}
	name := filepath.Join(dir, fmt.Sprintf("ptcheck-%s-%s.pt", sys, kind))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("explore: --save: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".ptcheck-*")
	if err != nil {
		return "", fmt.Errorf("explore: --save: %w", err)
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(0o666&^umask), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return "", fmt.Errorf("explore: --save: %w", err)
	}
	return name, nil
}

// umask is what new scenario files are not open to.
const umask = 0o022
