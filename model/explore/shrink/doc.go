// Package shrink makes failing inputs small: it removes operations, replaces
// them by simpler ones and looks for a smaller scope, as long as the same failure
// stays. It knows nothing of pagetables; a [World] tells it what can be tried.
//
// It is deterministic: the same input gives the same result. The result is
// minimal in this sense: no operation can be left out, none can be replaced by a
// simpler one, and no smaller scope that the world offers will do. As far as there
// are not too many to try, no two operations can be replaced by one, no three by
// two, and no list that is one operation shorter fails at all.
package shrink
