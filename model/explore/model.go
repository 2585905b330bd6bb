package explore

// Kind says what came of a call.
type Kind uint8

// The kinds of outcome.
const (
	// Moved is a transition to the working state as Apply left it (a self loop counts too).
	Moved Kind = iota
	// Skipped is a call that was refused or had no effect: no transition.
	Skipped
	// Violated is a transition that broke a rule; the successor is not a state of its own.
	Violated
	// Crashed is a transition in which the subject died; there is no successor.
	Crashed
)

// String returns the kind as one lower-case word.
func (k Kind) String() string {
	switch k {
	case Moved:
		return "moved"
	case Skipped:
		return "skipped"
	case Violated:
		return "violated"
	case Crashed:
		return "crashed"
	}
	return "unknown"
}

// Outcome is what came of one call. Rule is the index of the broken rule (Violated) or of the class of
// the crash (Crashed), in the model's own numbering; it means nothing otherwise.
type Outcome struct {
	Kind Kind
	Rule int16
}

// Model is one worker's view of a system: a working state, its exact packed form, and its calls.
// It is not safe for concurrent use. Two models from one [Factory] must behave alike.
type Model interface {
	// Inits returns the number of initial states, at least 1.
	Inits() int
	// Init makes initial state i, 0 <= i < Inits(), the working state.
	Init(i int)
	// Encode appends the exact packed working state to dst and returns it. Two states are the same
	// state when their bytes are equal, and only then. The length may vary from state to state,
	// unless the model is a FixedSize.
	Encode(dst []byte) []byte
	// Decode makes the packed state src the working state. It must not keep src.
	Decode(src []byte)
	// Calls appends the codes of the calls that are worth trying in the working state. Their order
	// depends on the state alone: it decides which of several counterexamples is reported.
	Calls(dst []uint64) []uint64
	// Apply carries out one call on the working state, which is as Init, Decode or Restore left it.
	// It recovers from whatever the subject does wrong; a panic of Apply is a fault of the checker.
	Apply(call uint64) Outcome
	// Restore brings the working state back to that of the last Init or Decode. It follows every
	// Apply, whatever the outcome, before anything but Encode and Canon is called. When nothing has
	// been applied it does nothing.
	Restore()
}

// Factory makes one more model of the same system; the engine calls it once for each worker and once more
// for each rebuilding of paths. It is only called from the goroutine that called Run.
type Factory func() Model

// FixedSize is implemented by models all of whose packed states have one length.
type FixedSize interface {
	// StateSize returns the length in bytes of every packed state, at least 1. Up to 16 the engine
	// handles states as machine words.
	StateSize() int
}

// WordStepper is implemented by models with a FixedSize of at most 16 bytes that can save the engine some
// time: one function instead of Apply, Encode and Restore. The engine uses it in searches without symmetry.
type WordStepper interface {
	// StepWords makes a call in the working state and leaves that as it was. If the outcome is Moved, lo
	// and hi are the bytes that Encode would give of the successor, the first being the lowest of lo,
	// padded with zeros.
	StepWords(call uint64) (lo, hi uint64, o Outcome)
}

// Discoverer is implemented by models that find out some of their calls by making others. It saves the
// engine from having these made twice. It is not asked where states are handled as words.
type Discoverer interface {
	// FirstCalls appends the first calls of those that Calls appends.
	FirstCalls(dst []uint64) []uint64
	// LaterCalls appends the rest to the first ones. These have been made in the meantime, one after the
	// other, each in the working state, which has been restored.
	LaterCalls(first []uint64) []uint64
}

// InitChecker is implemented by models that can judge an initial state before any call is made.
type InitChecker interface {
	// CheckInit judges the working state, just set by Init. Moved means that nothing is wrong; of an
	// initial state that is Skipped nothing is counted or reported.
	CheckInit() Outcome
}

// StateChecker is implemented by models with rules that look at a state alone, not at the way to it. The
// engine asks once for each distinct state instead of once for each transition, which is many times
// cheaper. Initial states are judged by it too, after InitChecker.
type StateChecker interface {
	// CheckState judges the working state, just set by Decode (or Init). Violated and Crashed mean the
	// same as from Apply; anything else means that nothing is wrong.
	CheckState() Outcome
}

// Canonicalizer is implemented by models with a symmetry. The engine then stores one canonical
// representative of each class of symmetric states, unless Options.NoSymmetry is set.
//
// The symmetry must map transitions to transitions and outcomes to outcomes; the engine believes it, and
// reports an error when a counterexample cannot be followed in the original names.
type Canonicalizer interface {
	// Canon appends the packed form of the representative of the working state's class to dst, and
	// leaves the working state as it is. Symmetric states get equal bytes; Decode accepts them.
	Canon(dst []byte) []byte
}

// Counter is implemented by models that count what they do (calls made, rules exercised, refusals).
type Counter interface {
	// Counters returns the running counts of this model, all starting from 0 and never decreasing;
	// always the same slice length in all models of a factory. The engine adds up over its workers
	// the increments made in the transitions that it counts, and in no others.
	Counters() []uint64
}
