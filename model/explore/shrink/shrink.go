package shrink

import (
	"errors"
	"slices"
)

// ErrHolds is the error for an input that does not fail, or not as asked.
var ErrHolds = errors.New("shrink: the input does not show the failure")

// Shrink makes a failing input small within a number of tries. What is dear, such
// as replacing three operations by two, is left out when it could take more than
// half of the tries that are left.
func Shrink[S, O any](w World[S, O], in Input[S, O], tries int) (Result[S, O], error) {
	s := &shrinker[S, O]{w: w, left: tries}
	if !s.first(in) {
		return Result[S, O]{Input: in, Tries: tries - s.left}, ErrHolds
	}
	for s.pass() {
	}
	return Result[S, O]{Input: s.now, Tries: tries - s.left, Minimal: s.left > 0}, nil
}

// shrinker holds the smallest failing input so far.
type shrinker[S, O any] struct {
	w    World[S, O]
	now  Input[S, O]
	left int
	buf  []O
}

// first tries the input as it is.
func (s *shrinker[S, O]) first(in Input[S, O]) bool {
	s.left--
	done, fails := s.w.Try(in.Scope, in.Ops)
	s.now = Input[S, O]{in.Scope, slices.Clone(done)}
	return fails
}

// accept tries an input and keeps it if it fails and is smaller than the
// smallest one so far.
func (s *shrinker[S, O]) accept(scope S, ops []O) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	done, fails := s.w.Try(scope, ops)
	if !fails || !s.smaller(scope, done) {
		return false
	}
	s.now = Input[S, O]{scope, slices.Clone(done)}
	return true
}

// smaller orders inputs: by length, then by scope, then by their operations from
// the first one on. There is no endless descent as long as there is none among
// scopes and among operations.
func (s *shrinker[S, O]) smaller(scope S, ops []O) bool {
	if len(ops) != len(s.now.Ops) {
		return len(ops) < len(s.now.Ops)
	}
	if c := s.w.CompareScopes(scope, s.now.Scope); c != 0 {
		return c < 0
	}
	return slices.CompareFunc(ops, s.now.Ops, s.w.Compare) < 0
}

// pass tries everything once and reports whether anything helped. When nothing
// does, the input is minimal. What is dear comes last, and only when the rest has
// nothing more to give.
func (s *shrinker[S, O]) pass() bool {
	cheap := s.remove()
	cheap = s.scope() || cheap
	cheap = s.rewrite() || cheap
	cheap = s.simplify() || cheap
	return cheap || s.pairs() || s.moveScope() || s.shorter() || s.triples()
}

// without is the operations but for those from i to j.
func (s *shrinker[S, O]) without(i, j int) []O {
	s.buf = append(append(s.buf[:0], s.now.Ops[:i]...), s.now.Ops[j:]...)
	return s.buf
}

// with is the operations with another one at place i.
func (s *shrinker[S, O]) with(i int, o O) []O {
	s.buf = append(s.buf[:0], s.now.Ops...)
	s.buf[i] = o
	return s.buf
}

// remove leaves out stretches of operations, long ones first (ddmin). Stretches
// are tried from the end: what precedes a failure is needed more often.
func (s *shrinker[S, O]) remove() (helped bool) {
	for size := len(s.now.Ops); size > 0; size /= 2 {
		for i := len(s.now.Ops) - size; i >= 0; {
			if s.accept(s.now.Scope, s.without(i, i+size)) {
				helped = true
				i = min(i, len(s.now.Ops)) - size
				continue
			}
			if i == 0 {
				break
			}
			i = max(i-size, 0)
		}
		size = min(size, 2*len(s.now.Ops))
	}
	return helped
}

// scope tries other scopes for the operations as they are, and for all but one.
func (s *shrinker[S, O]) scope() (helped bool) {
	for _, c := range s.w.Scopes(s.now.Scope) {
		helped = s.accept(c, s.now.Ops) || helped
		for i := len(s.now.Ops) - 1; i >= 0; i-- {
			if s.accept(c, s.without(i, i+1)) {
				helped = true
				i = min(i, len(s.now.Ops))
			}
		}
	}
	return helped
}

// moveScope tries smaller scopes with one operation replaced: what has to be
// touched may lie elsewhere there.
func (s *shrinker[S, O]) moveScope() bool {
	for _, c := range s.w.Scopes(s.now.Scope) {
		if s.w.CompareScopes(c, s.now.Scope) >= 0 {
			continue
		}
		for _, o := range s.w.Alphabet(c, s.now.Ops) {
			for i := range s.now.Ops {
				if s.accept(c, s.with(i, o)) {
					return true
				}
			}
		}
	}
	return false
}

// rewrite tries other forms of the whole, and neighbours the other way round.
func (s *shrinker[S, O]) rewrite() (helped bool) {
	for again := true; again; {
		again = false
		for i := 1; i < len(s.now.Ops); i++ {
			ops := slices.Clone(s.now.Ops)
			ops[i-1], ops[i] = ops[i], ops[i-1]
			if s.w.Compare(ops[i-1], ops[i]) < 0 && s.accept(s.now.Scope, ops) {
				helped, again = true, true
			}
		}
		for _, ops := range s.w.Rewrites(s.now.Scope, s.now.Ops) {
			if s.accept(s.now.Scope, ops) {
				helped, again = true, true
				break
			}
		}
	}
	return helped
}

// simplify replaces each operation by the simplest one that will do.
func (s *shrinker[S, O]) simplify() (helped bool) {
	alphabet := s.w.Alphabet(s.now.Scope, s.now.Ops)
	for i := 0; i < len(s.now.Ops); i++ {
		for _, o := range alphabet {
			if s.w.Compare(o, s.now.Ops[i]) < 0 && s.accept(s.now.Scope, s.with(i, o)) {
				helped = true
				break
			}
		}
	}
	return helped
}

// pairs replaces two operations by one: at the place of the first or of the
// second.
func (s *shrinker[S, O]) pairs() bool {
	alphabet, n := s.w.Alphabet(s.now.Scope, s.now.Ops), len(s.now.Ops)
	if n*n*len(alphabet) > s.left/2 {
		return false
	}
	for j := n - 1; j >= 0; j-- {
		for i := range n {
			if i == j {
				continue
			}
			for _, o := range alphabet {
				if s.accept(s.now.Scope, slices.Delete(s.with(i, o), j, j+1)) {
					return true
				}
			}
		}
	}
	return false
}

// shorter tries every list that is one operation shorter, if there are few
// enough.
func (s *shrinker[S, O]) shorter() bool {
	n := len(s.now.Ops) - 1
	if n < 1 {
		return false
	}
	alphabet := s.w.Alphabet(s.now.Scope, s.now.Ops)
	lists := 1
	for range n {
		if lists *= len(alphabet); lists > s.left/2 {
			return false
		}
	}
	ops := make([]O, n)
	for list := range lists {
		for i := range ops {
			ops[i] = alphabet[list%len(alphabet)]
			list /= len(alphabet)
		}
		if s.accept(s.now.Scope, ops) {
			return true
		}
	}
	return false
}

// triples replaces three operations by two: one goes, two others change.
func (s *shrinker[S, O]) triples() bool {
	alphabet, n := s.w.Alphabet(s.now.Scope, s.now.Ops), len(s.now.Ops)
	if n*n*n/2*len(alphabet)*len(alphabet) > s.left/2 {
		return false
	}
	ops := make([]O, 0, n)
	for gone := n - 1; gone >= 0; gone-- {
		rest := slices.Delete(slices.Clone(s.now.Ops), gone, gone+1)
		for j := range rest {
			for i := range j {
				for _, a := range alphabet {
					for _, b := range alphabet {
						ops = append(ops[:0], rest...)
						ops[i], ops[j] = a, b
						if s.accept(s.now.Scope, ops) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}
