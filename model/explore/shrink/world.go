package shrink

// World is where operations of type O are carried out, in a scope of type S.
type World[S, O any] interface {
	// Try carries operations out in a scope, one after the other, leaving out those
	// that are impossible where they stand, up to the first failure. It returns
	// those carried out, which it must not keep, and whether they end in the
	// failure that is looked for.
	Try(scope S, ops []O) (done []O, fails bool)
	// Scopes lists scopes to try instead of one, the best first.
	Scopes(scope S) []S
	// CompareScopes is negative if a is smaller than b, 0 only if they are the same.
	CompareScopes(a, b S) int
	// Compare is negative if a is simpler than b, 0 only if they are the same.
	Compare(a, b O) int
	// Alphabet lists the operations of a scope, the simplest first. ops are those
	// of the input, for what is peculiar to it.
	Alphabet(scope S, ops []O) []O
	// Rewrites lists other forms of all operations together, such as renamings.
	Rewrites(scope S, ops []O) [][]O
}

// Input is a list of operations and the scope that they are carried out in.
type Input[S, O any] struct {
	Scope S
	Ops   []O
}

// Result is what became of an input.
type Result[S, O any] struct {
	Input[S, O]
	// Tries is how often operations were carried out.
	Tries int
	// Minimal says that nothing smaller was found; it is false if the tries ran out.
	Minimal bool
}
