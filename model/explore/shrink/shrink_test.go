package shrink

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// toy is a small protocol with a scope: a counter of cells, operations that set,
// clear and copy cells, and a failure when a random set of cells is on. Copying
// from a cell that is off is impossible.
type toy struct {
	goal  uint8 // cells that must be on
	steps int   // and how many operations must have been carried out at least
	tries int
}

type toyOp struct {
	kind byte // s, c, m
	a, b uint8
}

const toyCells = 5

func (w *toy) Try(cells int, ops []toyOp) ([]toyOp, bool) {
	w.tries++
	var on uint8
	var done []toyOp
	for _, o := range ops {
		if int(o.a) >= cells || int(o.b) >= cells || o.kind == 'm' && on>>o.b&1 == 0 {
			continue
		}
		done = append(done, o)
		switch o.kind {
		case 's':
			on |= 1 << o.a
		case 'c':
			on &^= 1 << o.a
		case 'm':
			on |= 3 << o.a & (1<<cells - 1)
		}
		if on&w.goal == w.goal && len(done) >= w.steps {
			return done, true
		}
	}
	return done, false
}

func (w *toy) Scopes(cells int) (out []int) {
	for n := 1; n < cells; n++ {
		out = append(out, n)
	}
	return out
}

func (w *toy) CompareScopes(a, b int) int { return cmp.Compare(a, b) }

func (w *toy) Compare(x, y toyOp) int {
	return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
}

func (w *toy) Alphabet(cells int, _ []toyOp) (out []toyOp) {
	for a := range uint8(cells) {
		out = append(out, toyOp{kind: 's', a: a}, toyOp{kind: 'c', a: a})
		for b := range uint8(cells) {
			out = append(out, toyOp{'m', a, b})
		}
	}
	slices.SortFunc(out, w.Compare)
	return out
}

func (w *toy) Rewrites(int, []toyOp) [][]toyOp { return nil }

// shortest is the dumb twin: it tries all lists, short ones first.
func (w *toy) shortest(most int) int {
	alphabet := w.Alphabet(toyCells, nil)
	var grow func(ops []toyOp, left int) bool
	grow = func(ops []toyOp, left int) bool {
		if left == 0 {
			_, fails := w.Try(toyCells, ops)
			return fails
		}
		for _, o := range alphabet {
			if grow(append(ops, o), left-1) {
				return true
			}
		}
		return false
	}
	for n := range most {
		if grow(nil, n) {
			return n
		}
	}
	return most
}

func randomOps(r *rand.Rand, n int) []toyOp {
	ops := make([]toyOp, n)
	for i := range ops {
		ops[i] = toyOp{"scm"[r.IntN(3)], uint8(r.IntN(toyCells)), uint8(r.IntN(toyCells))}
	}
	return ops
}

// TestShrinkToys shrinks random failing inputs: the result still fails, nothing
// can be left out of it, it does not depend on the run, and it is hardly longer
// than the shortest list that fails at all.
func TestShrinkToys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shrunk, longer := 0, 0
	for range 400 {
		w := &toy{goal: uint8(r.IntN(1 << toyCells)), steps: r.IntN(3)}
		in := Input[int, toyOp]{toyCells, randomOps(r, 1+r.IntN(60))}
		if _, fails := w.Try(in.Scope, in.Ops); !fails {
			if _, err := Shrink(w, in, 200_000); !errors.Is(err, ErrHolds) {
				t.Fatalf("an input that holds: %v", err)
			}
			continue
		}
		shrunk++
		before := slices.Clone(in.Ops)
		got, err := Shrink(w, in, 200_000)
		if err != nil || !got.Minimal || !slices.Equal(before, in.Ops) {
			t.Fatalf("%+v: %v, minimal %t, or the input has changed", w, err, got.Minimal)
		}
		if _, fails := w.Try(got.Scope, got.Ops); !fails {
			t.Fatalf("%+v: %v holds", w, got)
		}
		for i := range got.Ops {
			if _, fails := w.Try(got.Scope, slices.Delete(slices.Clone(got.Ops), i, i+1)); fails {
				t.Errorf("%+v: %v fails without operation %d", w, got.Ops, i)
			}
		}
		again, _ := Shrink(w, in, 200_000)
		if again.Scope != got.Scope || !slices.Equal(again.Ops, got.Ops) || again.Tries != got.Tries {
			t.Errorf("%+v: %v, then %v", w, got, again)
		}
		if len(got.Ops) > w.shortest(4) && w.shortest(4) < 4 {
			longer++
		}
	}
	if shrunk < 200 || longer > 0 {
		t.Errorf("%d shrunk, %d of them not to the shortest", shrunk, longer)
	}
}

// TestTriesRunOut stops early and says so; what it has still fails.
func TestTriesRunOut(t *testing.T) {
	w := &toy{goal: 0b10101}
	in := Input[int, toyOp]{toyCells, append(randomOps(rand.New(rand.NewPCG(3, 4)), 50), toyOp{'s', 0, 0}, toyOp{'s', 2, 0}, toyOp{'s', 4, 0})}
	got, err := Shrink(w, in, 9)
	if err != nil || got.Minimal || got.Tries != 9 || w.tries != 9 {
		t.Errorf("%+v, %v after %d tries; want it to stop at 9", got, err, w.tries)
	}
	if _, fails := w.Try(got.Scope, got.Ops); !fails {
		t.Errorf("%v holds", got.Ops)
	}
}
