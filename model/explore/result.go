package explore

import "time"

// Reason says why a run ended before it had seen everything.
type Reason uint8

// The reasons.
const (
	StopNone      Reason = iota // nothing was left to do
	StopFinding                 // a finding, and FindAll was not set
	StopDepth                   // states at Options.Depth were left unexpanded
	StopStates                  // Options.MaxStates
	StopMemory                  // Options.MaxMemory
	StopTimeout                 // Options.Timeout
	StopInterrupt               // the context was cancelled
	StopError                   // a PartialError
)

// String returns the reason as one lower-case word.
func (r Reason) String() string {
	switch r {
	case StopNone:
		return "none"
	case StopFinding:
		return "finding"
	case StopDepth:
		return "depth"
	case StopStates:
		return "states"
	case StopMemory:
		return "memory"
	case StopTimeout:
		return "timeout"
	case StopInterrupt:
		return "interrupt"
	case StopError:
		return "error"
	}
	return "unknown"
}

// Finding is something that went wrong, with the way to it. Breadth-first search reports a shortest way:
// of all those it takes the one through the lowest numbered state, by the first of the calls there. The other
// strategies report the way on which they met it first. With symmetry the way is one of a single concrete run,
// in the original names.
type Finding struct {
	Kind Kind  // Violated or Crashed
	Rule int16 // as the model gave it
	// Init is the initial state at which the path starts.
	Init int
	// Path holds the codes of the calls from there; the last one is the call that went wrong. It is
	// empty when the initial state itself was judged.
	Path []uint64
}

// Result is what a run has found out.
type Result struct {
	States      uint64 // distinct states (of symmetric states one)
	Transitions uint64 // calls with another outcome than Skipped
	Skipped     uint64 // calls that were refused or had no effect
	// Diameter is the depth of the deepest state; initial states have depth 0. After another strategy
	// than breadth-first it is the largest number of calls that were made in a row.
	Diameter int
	// PerDepth is the number of states at each depth; its length is Diameter+1. Only breadth-first search
	// knows it.
	PerDepth []uint64
	// Complete says that every reachable state was found and expanded (successors of violations and
	// crashes apart, which are never expanded); with a store of hashes, up to the probability Omission.
	// It is never set after a random walk.
	Complete bool
	Stopped  Reason
	Findings []Finding // in order of depth, state number and call; at most one if not FindAll
	// Counters are the sums of what the models counted (see Counter) in the transitions and skipped
	// calls above; nil if the model does not count.
	Counters []uint64

	// AllStates and AllTransitions are what the states and transitions stand for that were counted up to
	// symmetry: how many there are if none are left out. Both are 0 if that is not known, as after random
	// walks and of models that are no Orbiter.
	AllStates      uint64
	AllTransitions uint64

	// Levels says, if Options.Levels asked for it, what had been counted when the initial states had been
	// judged, and then each time when the calls of all states of a depth had been made.
	Levels []Level

	// Omission is an upper bound on the probability that a state was missed because the store keeps
	// hashes only; 0 for an exact store.
	Omission float64
	// Symmetry says that states were counted up to the model's symmetry.
	Symmetry bool
	// Walks is the number of random walks that were made.
	Walks uint64

	// BytesPerState is what the engine keeps at the end, all included, divided by the number of states.
	BytesPerState float64
	// PeakMemory is the largest amount of storage, in bytes, that the engine had at any time.
	PeakMemory uint64
	// DiskBytes is the largest amount of storage, in bytes, that a search on disk had in files.
	DiskBytes uint64
	// Duration is the wall-clock time of the run. It decides nothing.
	Duration time.Duration
}

// Level is what has been counted up to some point; see Result for the fields.
type Level struct {
	Transitions uint64
	Skipped     uint64
	Counters    []uint64

	AllStates, AllTransitions uint64
}

// Level is what has been counted in all.
func (r *Result) Level() Level {
	return Level{r.Transitions, r.Skipped, r.Counters, r.AllStates, r.AllTransitions}
}

// Progress is a look at a run that is under way.
type Progress struct {
	States      uint64
	Transitions uint64
	Depth       int    // depth of the states being expanded
	Waiting     uint64 // states found and not yet expanded
	Memory      uint64 // bytes of the engine's own storage
	Elapsed     time.Duration
	// Levels are the numbers of states at each depth up to Depth, of a breadth-first search; nil for others.
	Levels []uint64
}
