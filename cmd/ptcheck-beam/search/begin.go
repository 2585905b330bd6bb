package search

import (
	"bytes"
	"context"
	"slices"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/model/explore"
)

// begin stores and judges the initial states, here: there are few of them.
func (d *driver) begin(ctx context.Context) error {
	w := newWalker(d.model(), d.opt.NoSymmetry)
	m := *d.now
	m.Level, m.PerDepth = 0, nil
	fronts := make([][]states.Entry, len(m.Fronts))
	seen := map[string]bool{}
	for i := 0; i < w.m.Inits() && d.stopped == explore.StopNone; i++ {
		w.m.Init(i)
		o := w.judgeInit(&m.Sums)
		label := states.AppendPlace(nil, uint64(i))
		switch {
		case fails(o):
			if !has(m.Sums.Found, o) {
				m.Sums.Found = append(m.Sums.Found, found{Outcome: o, Label: label})
			}
			if !d.opt.FindAll {
				d.stopped = explore.StopFinding
			}
		case o.Kind == explore.Moved && !seen[string(w.key())]:
			if d.opt.MaxStates > 0 && uint64(len(seen)) >= d.opt.MaxStates {
				d.stopped = explore.StopStates
				break
			}
			state := bytes.Clone(w.key())
			seen[string(state)] = true
			owner := ownerOf(state, len(fronts))
			fronts[owner] = append(fronts[owner], states.Entry{State: state, Label: label})
		}
	}
	m.Sums.Counters = w.counted()
	if len(seen) > 0 {
		m.PerDepth = []uint64{uint64(len(seen))}
	}
	if err := d.keep(ctx, &m, fronts); err != nil {
		return err
	}
	d.now = &m
	if d.stopped != explore.StopNone {
		return nil // another limit may be asked for: the folder stays empty
	}
	return d.folder.commit(ctx, d.now)
}

// keep writes the files of the initial states.
func (d *driver) keep(ctx context.Context, m *manifest, fronts [][]states.Entry) (err error) {
	m.Fronts, m.Runs = slices.Clone(m.Fronts), slices.Clone(m.Runs)
	for shard, list := range fronts {
		if len(list) == 0 {
			continue
		}
		if m.Fronts[shard], err = writeAll(ctx, d.folder.fs, d.folder.dir, fileName("front", 0, shard), list); err != nil {
			return err
		}
		known := make([]states.Entry, len(list))
		for i, e := range list {
			known[i].State = e.State
		}
		slices.SortFunc(known, func(a, b states.Entry) int { return bytes.Compare(a.State, b.State) })
		run, err := writeAll(ctx, d.folder.fs, d.folder.dir, fileName("run", 0, shard), known)
		if err != nil {
			return err
		}
		m.Runs[shard] = []states.File{run}
	}
	return nil
}
