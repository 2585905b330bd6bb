package explore

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

// wayOf is a finding by places: those of the calls of a model without symmetry.
func wayOf(t *testing.T, m Model, f Finding) Way {
	t.Helper()
	w := Way{Outcome: Outcome{Kind: f.Kind, Rule: f.Rule}, Init: f.Init}
	m.Init(f.Init)
	for _, c := range f.Path {
		w.Calls = append(w.Calls, slices.Index(m.Calls(nil), c))
		o := m.Apply(c)
		next := m.Encode(nil)
		m.Restore()
		if o.Kind == Moved {
			m.Decode(next)
		}
		w.State = o.Kind == Moved
	}
	return w
}

// TestRetrace makes findings anew from their places.
func TestRetrace(t *testing.T) {
	found, judged := 0, 0
	for seed := range uint64(40) {
		g := newGraph(seed, 60, 8, 0)
		r, err := Run(t.Context(), g.factory(), Options{FindAll: true, NoSymmetry: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			w := wayOf(t, g.factory()(), f)
			got, err := Retrace(g.factory(), true, w)
			if err != nil || !reflect.DeepEqual(got, f) {
				t.Errorf("seed %d: %+v, %v, want %+v", seed, got, err, f)
			}
			found++
			if w.State {
				judged++
			}
		}
	}
	if found < 20 || judged == 0 {
		t.Errorf("%d findings, %d of states", found, judged)
	}
}

// TestRetraceDiffers follows a way that the model does not have.
func TestRetraceDiffers(t *testing.T) {
	var differs *NondeterminismError
	for _, calls := range [][]int{{0, 7, 0}, {0, 0}} {
		_, err := Retrace(newGrid(9), true, Way{Outcome: Outcome{Kind: Crashed}, Calls: calls})
		if !errors.As(err, &differs) {
			t.Errorf("%v: %v", calls, err)
		}
	}
}
