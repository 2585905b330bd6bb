package search

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/model/explore"
)

// maxRuns is how many files the known states of a shard may lie in before they are made one.
const maxRuns = 8

// Absorb is the function that takes up what has come for a shard: what it does not know is new,
// is judged, and becomes a state unless it breaks a rule.
type Absorb struct {
	Question Question
	Dir      string
	// Level is the depth of the new states.
	Level int
	// Runs are the known states of each shard.
	Runs [][]states.File

	walker *walker
	fault  error
}

// Setup makes the model of a worker; see [Expand.Setup].
func (a *Absorb) Setup() {
	var f explore.Factory
	if f, a.fault = a.Question.factory(); a.fault == nil {
		a.walker = newWalker(f(), a.Question.NoSymmetry)
	}
}

// ProcessElement takes up what has come for a shard.
func (a *Absorb) ProcessElement(ctx context.Context, shard int, next func(*[]byte) bool, tell func([]byte)) error {
	var t told
	var sources []states.Source
	for batch := []byte(nil); next(&batch); {
		s, err := states.Unpack(bytes.Clone(batch))
		if err != nil {
			return fmt.Errorf("search: a batch for shard %d: %w", shard, err)
		}
		sources = append(sources, s)
	}
	err := a.absorb(ctx, shard, sources, &t)
	return tellOf(&t, err, tell)
}

// absorb takes up batches.
func (a *Absorb) absorb(ctx context.Context, shard int, sources []states.Source, t *told) (err error) {
	defer guard(t)
	if a.fault != nil {
		t.Trouble = a.fault.Error()
		return nil
	}
	fs, err := filesystem.New(ctx, a.Dir)
	if err != nil {
		return err
	}
	defer fs.Close()
	for _, f := range a.Runs[shard] {
		r, err := states.Open(ctx, fs, a.Dir, f)
		if err != nil {
			return err
		}
		defer r.Close()
		sources = append(sources, r)
	}
	out := written{Shard: shard, All: len(a.Runs[shard]) >= maxRuns}
	fresh, err := a.sift(ctx, fs, states.Merge(sources...), &out, t)
	if err != nil {
		return err
	}
	slices.SortFunc(fresh, func(x, y states.Entry) int { return bytes.Compare(x.Label, y.Label) })
	if out.Front, err = writeAll(ctx, fs, a.Dir, fileName("front", a.Level, shard), fresh); err != nil {
		return err
	}
	t.Shards = append(t.Shards, out)
	return nil
}

// sift writes the run of a shard, and returns its new states. Those that break a rule are known
// from then on, but are no states.
func (a *Absorb) sift(ctx context.Context, fs filesystem.Interface, all states.Source, out *written, t *told) (fresh []states.Entry, err error) {
	run, err := states.Create(ctx, fs, a.Dir, fileName("run", a.Level, out.Shard))
	if err != nil {
		return nil, err
	}
	a.walker.counted()
	for {
		e, ok, err := all.Next()
		if err != nil {
			run.Abandon()
			return nil, err
		}
		if !ok {
			break
		}
		isNew := len(e.Label) > 0
		if isNew || out.All {
			if err := run.Add(states.Entry{State: e.State}); err != nil {
				run.Abandon()
				return nil, err
			}
		}
		if !isNew {
			continue
		}
		if o := a.walker.judge(e.State, t); fails(o) {
			t.note(found{Outcome: o, Label: e.Label, State: true})
		} else {
			fresh = append(fresh, e.Clone())
		}
	}
	t.Counters = a.walker.counted()
	out.Run, err = run.Close()
	return fresh, err
}

// writeAll writes entries to a file.
func writeAll(ctx context.Context, fs filesystem.Interface, dir, name string, list []states.Entry) (states.File, error) {
	w, err := states.Create(ctx, fs, dir, name)
	if err != nil {
		return states.File{}, err
	}
	for _, e := range list {
		if err := w.Add(e); err != nil {
			w.Abandon()
			return states.File{}, err
		}
	}
	return w.Close()
}

// fileName says what a file is for.
func fileName(what string, level, shard int) string {
	return fmt.Sprintf("%s-%06d-%05d", what, level, shard)
}

// tellOf tells what a bundle has to say. What another attempt may mend is an error instead.
func tellOf(t *told, err error, tell func([]byte)) error {
	var damaged *states.Damage
	switch {
	case err == nil:
	case errors.As(err, &damaged):
		t.Trouble = damaged.Error()
	default:
		return err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("search: what a bundle tells: %w", err)
	}
	tell(text)
	return nil
}
