package attack

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems"
)

// Shrink implements [systems.Scenario].
func (s *Scenario[S, O]) Shrink(want systems.Verdict, tries int) (systems.Scenario, systems.Shrunk, error) {
	if tries <= 0 {
		tries = s.kind.Tries()
	}
	w := &world[S, O]{Kind: s.kind, change: s.change, want: want, open: map[S]*started[O]{}}
	r, err := shrink.Shrink(w, shrink.Input[S, O]{Scope: s.start, Ops: s.Ops()}, tries)
	if err != nil {
		return nil, systems.Shrunk{}, fmt.Errorf("%s: %w", s.kind.Name(), err)
	}
	out, err := New(s.kind, r.Scope, r.Ops, s.change)
	if err != nil {
		return nil, systems.Shrunk{}, err
	}
	return out, systems.Shrunk{From: len(s.ops), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, nil
}

// world is where the shrinker tries operations.
type world[S comparable, O any] struct {
	Kind[S, O]
	change systems.Change
	want   systems.Verdict
	open   map[S]*started[O]
	done   []O
}

// started is a guest and what is broken at its start already, -1 for nothing.
type started[O any] struct {
	Guest[O]
	broken int
}

// guest returns a guest at the start of the day, nil if there is none.
func (w *world[S, O]) guest(s S) *started[O] {
	g, ok := w.open[s]
	if !ok {
		if opened, err := w.Open(s, w.change); err == nil {
			opened.Restart()
			g = &started[O]{opened, opened.Settle()}
		}
		w.open[s] = g
	}
	if g != nil {
		g.Restart()
	}
	return g
}

// Try implements [shrink.World].
func (w *world[S, O]) Try(s S, ops []O) ([]O, bool) {
	w.done = w.done[:0]
	g := w.guest(s)
	if g == nil {
		return w.done, false
	}
	broken := g.broken
	for i := 0; i < len(ops) && broken < 0; i++ {
		if _, ok := g.Issue(ops[i]); ok {
			w.done = append(w.done, ops[i])
			broken = g.Settle()
		}
	}
	return w.done, broken >= 0 && Broken(w.Rule(broken)).Meets(w.want)
}
