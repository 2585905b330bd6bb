package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// exploreFlags are the flags of explore.
type exploreFlags struct {
	set    *systems.Set
	engine Engine                  // nil: the search is in this process
	jobs   map[*systems.Search]Job // of the searches that were asked for
	bug    string                  // that is planted: with an engine only
	// What is searched.
	settings *settingFlags

	// How.
	depth      int
	depthGiven bool
	workers    int
	strategy   string
	seed       uint64
	walks      uint64
	store      string
	disk       string
	maxStates  uint64
	maxMemory  uint64
	timeout    time.Duration
	all        bool

	// What is kept and shown.
	checkpoint string
	every      time.Duration
	resume     string
	graph      string
	graphLimit uint64
	verdictFlags
	part partFlags
}

// verdictFlags are the flags of commands that give the verdict of searches.
type verdictFlags struct {
	strict bool
	json   bool
	save   string
	report reportFlags
}

func (f *exploreFlags) searchFlags(fl *pflag.FlagSet) {
	fl.IntVar(&f.depth, "depth", 8, "largest number of calls; 0: until nothing new is found (hyper: default of each scope's own)")
	fl.IntVar(&f.workers, "workers", 0, "goroutines that search; no result depends on it (default: one for each processor)")
	fl.StringVar(&f.strategy, "strategy", "bfs", "bfs, dfs or random")
	fl.Uint64Var(&f.seed, "seed", 0, "random: where the walks come from")
	fl.Uint64Var(&f.walks, "walks", 0, "random: number of walks")
	fl.StringVar(&f.store, "store", "exact", "what is kept of a state: exact, hash128 or hash64; hashes make the verdict probabilistic")
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
	f.verdictFlags.register(fl)
	f.part.register(fl)
}

func (f *verdictFlags) register(fl *pflag.FlagSet) {
	fl.BoolVar(&f.strict, "strict", false, "exit 1 if a call was never made or a rule never exercised")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	f.report.register(fl)
	fl.StringVar(&f.save, "save", ".", "folder for counterexamples as scenario files; empty: none")
}

// choose returns the index of a word among those of a flag.
func choose(flag, word string, words ...string) (int, error) {
	if i := slices.Index(words, word); i >= 0 {
		return i, nil
	}
	return 0, flagValueError("explore", flag, word, words)
}

// options translates the flags for the search engine, apart from the question.
func (f *exploreFlags) options(q *systems.Search) (explore.Options, error) {
	o := explore.Options{
		Depth: f.depth, Workers: f.workers, Seed: f.seed, Walks: f.walks, Disk: f.disk,
		MaxStates: f.maxStates, MaxMemory: f.maxMemory << 20, Timeout: f.timeout, FindAll: f.all,
		NoSymmetry: !q.Symmetric, Checkpoint: f.checkpoint,
	}
	if !f.depthGiven && q.Depth >= 0 {
		o.Depth = q.Depth
	}
	if q.Deepest > 0 && (o.Depth == 0 || o.Depth > q.Deepest) {
		o.Depth = q.Deepest
	}
	i, err := choose("strategy", f.strategy, settled()["strategy"]...)
	if err != nil {
		return o, err
	}
	o.Strategy = explore.Strategy(i)
	switch {
	case o.Strategy == explore.RandomWalk && o.Walks == 0:
		o.Walks = 1000
	case o.Strategy != explore.RandomWalk && o.MaxStates == 0:
		o.MaxStates = q.Budget
	}
	if i, err = choose("store", f.store, settled()["store"]...); err != nil {
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
	}
	return o, nil
}

// single reports whether a flag goes with a single search.
func (f *exploreFlags) single() bool {
	return f.engine != nil || f.checkpoint != "" || f.resume != "" || f.graph != "" || f.disk != ""
}

// alone says what goes with a single search, up to the verb.
func (f *exploreFlags) alone() string {
	if f.engine != nil {
		return "this program goes"
	}
	return "--checkpoint, --resume, --graph and --disk go"
}

// check refuses impossible questions.
func (f *exploreFlags) check(names []string) error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"depth", f.depth}, {"workers", f.workers}} {
		if n.value < 0 {
			return fmt.Errorf("explore: --%s %d: want 0 or more", n.flag, n.value)
		}
	}
	if _, err := choose("strategy", f.strategy, settled()["strategy"]...); err != nil {
		return err
	}
	if _, err := choose("store", f.store, settled()["store"]...); err != nil {
		return err
	}
	if len(names) > 1 && f.single() {
		return fmt.Errorf("explore: %s with one system, not with %s", f.alone(), strings.Join(names, " and "))
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("explore: system %s is named twice", name)
		}
	}
	if err := f.report.check(f.json); err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	if err := f.part.check(); err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	return nil
}
