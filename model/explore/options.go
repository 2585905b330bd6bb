package explore

import (
	"fmt"
	"runtime"
	"time"
)

// Strategy is the order of the search.
type Strategy uint8

// The strategies.
const (
	// BreadthFirst visits all states in order of depth: counterexamples are shortest.
	BreadthFirst Strategy = iota
	// DepthFirst visits all states within Options.Depth (or all), deepest first, with one worker. It
	// finds the same states and counts the same transitions; its counterexamples are not shortest.
	DepthFirst
	// RandomWalk makes Options.Walks walks of at most Options.Depth calls each, drawn from Options.Seed. It
	// counts the distinct states that it met, and is never complete. Every state that is met is judged by
	// StateChecker, new or not.
	RandomWalk
)

// String returns the strategy as the command line spells it.
func (s Strategy) String() string {
	switch s {
	case BreadthFirst:
		return "bfs"
	case DepthFirst:
		return "dfs"
	case RandomWalk:
		return "random"
	}
	return "unknown"
}

// Store is the way in which visited states are remembered.
type Store uint8

// The stores.
const (
	// Exact keeps the packed bytes of every state.
	Exact Store = iota
	// Compact128 keeps a 128-bit hash of every state: a state is omitted when it shares one.
	Compact128
	// Compact64 keeps a 64-bit hash of every state.
	Compact64
)

// String returns the store as the command line spells it.
func (s Store) String() string {
	switch s {
	case Exact:
		return "exact"
	case Compact128:
		return "hash128"
	case Compact64:
		return "hash64"
	}
	return "unknown"
}

// hashWords returns the number of words that the store keeps of a hash.
func (s Store) hashWords() uint64 {
	if s == Compact128 {
		return 2
	}
	return 1
}

// Options are the question asked of a run. The zero value asks for an exact breadth-first search with all
// processors, without limits, that stops at the first finding.
type Options struct {
	// Depth is the largest number of calls after an initial state; 0 means until nothing is new.
	// States at that depth are found and counted, but no call is made in them.
	Depth int
	// Workers is the number of goroutines that expand states; 0 means GOMAXPROCS. No count, state
	// number or finding depends on it.
	Workers int
	// MaxStates stops the run at the transition that would add one more state; 0 means no limit.
	MaxStates uint64
	// MaxMemory, in bytes of the engine's own storage, stops the run before it is exceeded; 0 means
	// no limit. With Disk it does not stop the run, but says how much it may keep in memory at a time
	// (roughly; 0 means 256 MiB).
	MaxMemory uint64
	// Timeout stops the run after so much time; 0 means no limit.
	Timeout time.Duration
	// FindAll goes on after a finding and keeps the first shortest one of every (Kind, Rule).
	FindAll bool
	// NoSymmetry ignores a Canonicalizer.
	NoSymmetry bool
	// Inits are the numbers of the initial states to search from, in rising order; nil means all.
	Inits []int
	// Levels has the Result say what had been counted whenever a depth was done, see [Result.Levels].
	Levels bool

	// Strategy is the order of the search.
	Strategy Strategy
	// Seed is where the random numbers of RandomWalk come from.
	Seed uint64
	// Walks is the number of walks of RandomWalk; 0 means as many as Timeout allows.
	Walks uint64

	// Store says how visited states are remembered.
	Store Store
	// Disk is a directory for visited states that outgrow memory; "" keeps them in memory. The
	// directory is made if it is missing; what the run writes there is removed at its end, or, if it is
	// killed, by the next run in that directory. Whether anything is new is then decided level by
	// level, and so are MaxStates and the findings of a StateChecker, with the same results.
	Disk string

	// Checkpoint is a directory in which the run saves its progress; "" saves none.
	Checkpoint string
	// CheckpointEvery is the time between two checkpoints; 0 means one minute. One more is made when
	// the run stops early.
	CheckpointEvery time.Duration
	// Resume goes on from the checkpoint in the directory Checkpoint instead of starting anew.
	Resume bool
	// Question is what defines the search: the system, its scope, and every setting on which a count, a
	// number of a state or a finding depends. Limits, depth, workers and outputs are not part of it. A
	// checkpoint remembers it, and a run that asks another refuses to resume. The engine adds what it
	// knows itself (FindAll, symmetry, the size of states).
	Question []Setting
	// Program identifies the code that runs: engine, model, rules, and what is under test. A checkpoint of
	// another program is not resumed. "" means a hash of the executable.
	Program string

	// Edges, if not nil, is called with every transition of the finished search, in order of the
	// number of the state and then of the calls. An error from it ends the run with that error.
	Edges func(Edge) error
	// MaxEdges is the largest number of transitions that Edges is to be called with; a graph with more
	// is an error, and Edges is not called at all. 0 means 10,000.
	MaxEdges uint64

	// Progress, if not nil, is called now and then by the goroutine that called Run.
	Progress func(Progress)
	// ProgressEvery is the least time between two calls of Progress; 0 means one second.
	ProgressEvery time.Duration

	tight bool       // a search on disk has hardly any memory: for tests
	files fileSystem // where files are; nil means the operating system
}

// Edge is one transition of the state graph. States are numbered from 0 in order of discovery.
type Edge struct {
	From    uint64
	Call    uint64  // code of the call
	Outcome Outcome // Moved, Violated or Crashed
	To      uint64  // the successor; meaningless unless the outcome is Moved
}

// withDefaults fills in what the zero values stand for.
func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Strategy == DepthFirst {
		o.Workers = 1
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.ProgressEvery == 0 {
		o.ProgressEvery = time.Second
	}
	if o.MaxEdges == 0 {
		o.MaxEdges = 10_000
	}
	if o.files == nil {
		o.files = osFiles{}
	}
	return o
}

// refuse makes the error for an option that cannot be honoured.
func refuse(what, why string) error {
	return fmt.Errorf("explore: %s: %s", what, why)
}

// maxWorkers is bounded by the number of bits that provisional references give to a worker.
const maxWorkers = 256

// check refuses options that are wrong or that the chosen mode cannot honour.
func (o Options) check() error {
	switch {
	case o.Depth < 0:
		return refuse("depth", "must not be negative")
	case o.Workers < 0 || o.Workers > maxWorkers:
		return refuse("workers", fmt.Sprintf("must be from 0 to %d", maxWorkers))
	case o.Timeout < 0:
		return refuse("timeout", "must not be negative")
	case o.Strategy > RandomWalk:
		return refuse("strategy", "unknown")
	case o.Store > Compact64:
		return refuse("store", "unknown")
	case o.CheckpointEvery < 0 || o.ProgressEvery < 0:
		return refuse("interval", "must not be negative")
	case o.CheckpointEvery > 0 && o.Checkpoint == "":
		return refuse("checkpoint interval", "there is no checkpoint directory")
	case o.Resume && o.Checkpoint == "":
		return refuse("resume", "there is no checkpoint directory")
	case o.ProgressEvery > 0 && o.Progress == nil:
		return refuse("progress interval", "there is no progress function")
	case o.MaxEdges > 0 && o.Edges == nil:
		return refuse("edge limit", "there is no edge function")
	case o.Strategy != RandomWalk && (o.Seed != 0 || o.Walks != 0):
		return refuse("seed and walks", "only a random walk has them")
	}
	if err := o.checkInits(); err != nil {
		return err
	}
	if err := o.checkStrategy(); err != nil {
		return err
	}
	if err := o.checkStore(); err != nil {
		return err
	}
	return o.checkQuestion()
}

// checkInits refuses initial states and counts by depth that the chosen mode cannot honour.
func (o Options) checkInits() error {
	for i, n := range o.Inits {
		if n < 0 || i > 0 && n <= o.Inits[i-1] {
			return refuse("initial states", "must be numbers in rising order")
		}
	}
	switch {
	case o.Inits != nil && len(o.Inits) == 0:
		return refuse("initial states", "there are none")
	case o.Inits != nil && o.Strategy == RandomWalk:
		return refuse("initial states", "random walks start at any of them")
	case o.Levels && o.Strategy != BreadthFirst:
		return refuse("counts by depth", "only breadth-first search has them")
	case o.Levels && o.Resume:
		return refuse("counts by depth", "a checkpoint does not keep them")
	}
	return nil
}

// checkStrategy refuses what another strategy than breadth-first cannot honour.
func (o Options) checkStrategy() error {
	if o.Strategy == BreadthFirst {
		return nil
	}
	mode := "strategy " + o.Strategy.String()
	switch {
	case o.Store != Exact:
		return refuse(mode, "has no store "+o.Store.String())
	case o.Disk != "":
		return refuse(mode, "cannot use a disk")
	case o.Checkpoint != "":
		return refuse(mode, "cannot make checkpoints")
	case o.Edges != nil:
		return refuse(mode, "cannot give out the state graph")
	case o.Strategy == DepthFirst && o.Workers > 1:
		return refuse(mode, "has one worker only")
	case o.Strategy == RandomWalk && o.Depth == 0:
		return refuse(mode, "needs a depth, the length of a walk")
	case o.Strategy == RandomWalk && o.Depth >= maxCalls:
		return refuse(mode, fmt.Sprintf("needs a depth below %d", maxCalls))
	case o.Strategy == RandomWalk && o.Walks == 0 && o.Timeout == 0:
		return refuse(mode, "needs a number of walks or a timeout")
	}
	return nil
}

// checkStore refuses what other stores than one exact in memory cannot honour.
func (o Options) checkStore() error {
	mode := "store " + o.Store.String()
	switch {
	case o.Store == Exact && o.Disk == "":
		return nil
	case o.Store == Exact:
		mode = "disk"
	case o.Disk != "":
		return refuse(mode, "cannot use a disk")
	}
	switch {
	case o.Checkpoint != "":
		return refuse(mode, "cannot make checkpoints")
	case o.Edges != nil:
		return refuse(mode, "cannot give out the state graph")
	case o.Disk != "" && o.MaxMemory > 0 && o.MaxMemory < diskLeast:
		return refuse(mode, fmt.Sprintf("needs at least %d bytes of memory", diskLeast))
	}
	return nil
}
