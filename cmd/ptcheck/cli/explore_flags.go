package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// exploreFlags are the flags of explore.
type exploreFlags struct {
	// What is searched.
	levels  []int
	lowmem  int
	stale   int
	preempt int
	fail    bool
	themes  []string
	profile string
	guest   string
	scopes  []string
	frames  int
	slots   int
	ops     []string
	flags   []string

	// How.
	depth     int
	workers   int
	strategy  string
	seed      uint64
	walks     uint64
	store     string
	symmetry  string
	disk      string
	maxStates uint64
	maxMemory uint64
	timeout   time.Duration
	all       bool

	// What is kept and shown.
	checkpoint string
	every      time.Duration
	resume     string
	graph      string
	graphLimit uint64
	strict     bool
	json       bool
	save       string
	report     reportFlags
}

func (f *exploreFlags) systemFlags(fl *pflag.FlagSet) {
	fl.IntSliceVar(&f.levels, "levels", nil, "numbers of table levels (default: all of the system; adversaries: one number)")
	fl.IntVar(&f.lowmem, "lowmem", 0, "boot systems: frames of low memory (default: the system's own)")
	fl.IntVar(&f.stale, "stale", 0, "xen: least number of leaves with the builder's attributes (default: the system's own)")
	fl.StringSliceVar(&f.themes, "themes", nil, "life systems: what to search, of "+strings.Join(system.Themes(), " ")+" (default: all)")
	fl.BoolVar(&f.fail, "failures", true, "systems under Xen: have each hypercall of each call refused once, for want of memory")
	fl.IntVar(&f.preempt, "preemptions", 1, "systems with two processors: largest number of preemptions while two calls run side by side, 0 to 4")
	fl.StringVar(&f.profile, "profile", "", "hypervisor rules: "+strings.Join(profileNames(), ", ")+" (default: all that the system has)")
	fl.StringVar(&f.guest, "guest", "", "adversary, hyper: kind of guest, of "+strings.Join(model.GuestKinds(), " ")+" (default: any; hyper: each scope's own)")
	fl.StringSliceVar(&f.scopes, "scope", nil, "hyper: what to search, of "+strings.Join(system.HostileScopeNames(), " ")+" (default: all)")
	fl.IntVar(&f.frames, "frames", 0, "adversaries: number of frames")
	fl.IntVar(&f.slots, "slots", 0, "adversaries: slots a table")
	fl.StringSliceVar(&f.ops, "ops", nil, "adversary: operations, of "+strings.Join(system.OpNames(), " "))
	fl.StringSliceVar(&f.flags, "flags", nil, "adversary: flag sets of entries, such as P,PW,PWU")
}

func (f *exploreFlags) searchFlags(fl *pflag.FlagSet) {
	fl.IntVar(&f.depth, "depth", 8, "largest number of calls; 0: until nothing new is found (hyper: default of each scope's own)")
	fl.IntVar(&f.workers, "workers", 0, "goroutines that search; no result depends on it (default: one for each processor)")
	fl.StringVar(&f.strategy, "strategy", "bfs", "bfs, dfs or random")
	fl.Uint64Var(&f.seed, "seed", 0, "random: where the walks come from")
	fl.Uint64Var(&f.walks, "walks", 0, "random: number of walks")
	fl.StringVar(&f.store, "store", "exact", "what is kept of a state: exact, hash128 or hash64; hashes make the verdict probabilistic")
	fl.StringVar(&f.symmetry, "symmetry", "auto", "count symmetric states once: on, off, frames (not slots), or auto (as the system has it)")
	fl.StringVar(&f.disk, "disk", "", "folder for visited states that outgrow memory")
	fl.Uint64Var(&f.maxStates, "max-states", 0, "stop at so many states")
	fl.Uint64Var(&f.maxMemory, "max-memory", 0, "stop at so many MiB of stored states; with --disk: how much to keep in memory")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop after this time")
	fl.BoolVar(&f.all, "all", false, "go on after the first finding and keep the first of each kind")
}

func (f *exploreFlags) outputFlags(fl *pflag.FlagSet) {
	fl.StringVar(&f.checkpoint, "checkpoint", "", "folder in which to save progress")
	fl.DurationVar(&f.every, "checkpoint-every", time.Minute, "time between two checkpoints")
	fl.StringVar(&f.resume, "resume", "", "go on from the checkpoint in this folder")
	fl.StringVar(&f.graph, "graph", "", "write the state graph to this file in Graphviz' dot language")
	fl.Uint64Var(&f.graphLimit, "graph-limit", 2000, "largest number of transitions of a graph")
	fl.BoolVar(&f.strict, "strict", false, "exit 1 if a call was never made or a rule never exercised")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	f.report.register(fl)
	fl.StringVar(&f.save, "save", ".", "folder for counterexamples as scenario files; empty: none")
}

// completions says what the shell may complete.
func (f *exploreFlags) completions(cmd *cobra.Command) {
	for flag, words := range map[string][]string{
		"strategy": {"bfs", "dfs", "random"}, "store": {"exact", "hash128", "hash64"}, "symmetry": {"auto", "on", "off", "frames"},
		"levels": {"2", "3", "4"}, "profile": profileNames(), "ops": system.OpNames(), "flags": {"P", "PW", "PU", "PWU"},
		"guest": model.GuestKinds(), "scope": system.HostileScopeNames(), "format": formatNames(),
	} {
		completeFlag(cmd, flag, func() []string { return words })
	}
}

// choose returns the index of a word among those of a flag.
func choose(flag, word string, words ...string) (int, error) {
	if i := slices.Index(words, word); i >= 0 {
		return i, nil
	}
	return 0, flagValueError("explore", flag, word, words)
}

// options translates the flags for the search engine.
func (f *exploreFlags) options(t *target) (explore.Options, error) {
	o := explore.Options{
		Depth: f.depth, Workers: f.workers, Seed: f.seed, Walks: f.walks, Disk: f.disk,
		MaxStates: f.maxStates, MaxMemory: f.maxMemory << 20, Timeout: f.timeout, FindAll: f.all,
		NoSymmetry: !t.symmetry, Checkpoint: f.checkpoint, System: t.name, Scope: t.scope,
	}
	if t.depth != nil {
		o.Depth = *t.depth
	}
	i, err := choose("strategy", f.strategy, "bfs", "dfs", "random")
	if err != nil {
		return o, err
	}
	o.Strategy = explore.Strategy(i)
	if o.Strategy == explore.RandomWalk && o.Walks == 0 {
		o.Walks = 1000
	}
	if i, err = choose("store", f.store, "exact", "hash128", "hash64"); err != nil {
		return o, err
	}
	o.Store = explore.Store(i)
	switch {
	case f.checkpoint != "" && f.resume != "" && f.checkpoint != f.resume:
		return o, fmt.Errorf("explore: --resume goes on saving in its own folder; leave --checkpoint out")
	case f.resume != "":
		o.Checkpoint, o.Resume = f.resume, true
	}
	if o.Checkpoint != "" {
		o.CheckpointEvery = f.every
		if o.Rules, err = buildID(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// buildID identifies the code that runs: a checkpoint of other rules must not be
// resumed.
func buildID() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("explore: --checkpoint: %w", err)
	}
	exe, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("explore: --checkpoint: %w", err)
	}
	defer exe.Close()
	h := sha256.New()
	if _, err := io.Copy(h, exe); err != nil {
		return "", fmt.Errorf("explore: --checkpoint: %w", err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// single reports whether a flag goes with a single search.
func (f *exploreFlags) single() bool {
	return f.checkpoint != "" || f.resume != "" || f.graph != "" || f.disk != ""
}

// check refuses impossible questions.
func (f *exploreFlags) check(names []string) error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"depth", f.depth}, {"workers", f.workers}, {"lowmem", f.lowmem}, {"stale", f.stale}, {"frames", f.frames}, {"slots", f.slots}} {
		if n.value < 0 {
			return fmt.Errorf("explore: --%s %d: want 0 or more", n.flag, n.value)
		}
	}
	for _, l := range f.levels {
		if l < 2 || l > model.MaxLevels {
			return fmt.Errorf("explore: --levels %d: want 2 to %d", l, model.MaxLevels)
		}
	}
	if len(names) > 1 && f.single() {
		return fmt.Errorf("explore: --checkpoint, --resume, --graph and --disk go with one system, not with %s", strings.Join(names, " and "))
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("explore: system %s is named twice", name)
		}
	}
	if err := f.report.check(f.json); err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	_, err := choose("symmetry", f.symmetry, "auto", "on", "off", "frames")
	return err
}
