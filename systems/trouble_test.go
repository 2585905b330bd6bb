package systems_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// TestRunTells wants what the engine notices of hidden state in the words of all trouble,
// and other errors as they are.
func TestRunTells(t *testing.T) {
	const head, tail = "system mine", "; what a hook remembers belongs in model.Kernel, not in a variable of its own"
	const two = ": the hook gave two different results for the same state"
	for want, x := range map[string]struct {
		e     explore.NondeterminismError
		calls string // of the way, "-" for none
	}{
		head + two + tail:                                  {explore.NondeterminismError{Init: -1}, "-"},
		head + ": c7" + two + tail:                         {explore.NondeterminismError{Path: []uint64{1, 2}, Calls: []uint64{7}}, "c1 c2 c7"},
		head + ": c9" + two + tail:                         {explore.NondeterminismError{Calls: []uint64{9}}, "c9"},
		head + two + ", in one of the calls c7, c8" + tail: {explore.NondeterminismError{Path: []uint64{1}, Calls: []uint64{7, 8}}, "c1"},
	} {
		s := &systems.Search{System: "mine", CallText: func(code uint64) string { return fmt.Sprint("c", code) }}
		s.Engine = func(context.Context, explore.Factory, explore.Options) (explore.Result, error) {
			return explore.Result{}, fmt.Errorf("lost: %w", &x.e)
		}
		_, err := s.Run(t.Context(), explore.Options{})
		var fickle *systems.Fickle
		if !errors.As(err, &fickle) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
			continue
		}
		if got := strings.Join(fickle.Calls, " "); (fickle.Way == nil) != (x.calls == "-") || fickle.Way != nil && (got != x.calls || len(fickle.Way.Path) != len(fickle.Calls)) {
			t.Errorf("%s: the way is %q, want %q", want, got, x.calls)
		}
	}
	for _, e := range []explore.NondeterminismError{{Path: []uint64{1}, Calls: []uint64{7, 8}, Symmetry: true}, {Symmetry: true}} {
		s := &systems.Search{System: "mine", CallText: func(code uint64) string { return fmt.Sprint("c", code) }}
		s.Engine = func(context.Context, explore.Factory, explore.Options) (explore.Result, error) {
			return explore.Result{}, &e
		}
		_, err := s.Run(t.Context(), explore.Options{})
		var uneven *systems.Lopsided
		if !errors.As(err, &uneven) || !strings.HasPrefix(err.Error(), head+": frames are not symmetric: ") || uneven.Way != nil {
			t.Errorf("%v is no trouble with symmetry", err)
		}
	}
	if e := (&systems.Lopsided{Past: 1}); !strings.Contains(e.Error(), "handed out f0,") {
		t.Error(e)
	}
	other := errors.New("another")
	s := &systems.Search{Engine: func(context.Context, explore.Factory, explore.Options) (explore.Result, error) {
		return explore.Result{States: 3}, other
	}}
	if r, err := s.Run(t.Context(), explore.Options{}); err != other || r.States != 3 {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := (&systems.Search{}).Run(t.Context(), explore.Options{}); err == nil {
		t.Error("no model is no error")
	}
}
