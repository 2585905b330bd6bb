package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/model/explore"
)

// driver runs a search. Between two levels all there is of it lies in its folder.
type driver struct {
	question Question
	opt      explore.Options
	model    explore.Factory
	folder   *folder
	runner   runner
	began    time.Time

	now     *manifest
	stopped explore.Reason
}

// newDriver makes the driver of a job. What there is in the folder is looked at.
func newDriver(ctx context.Context, j *cli.Job, dir string, shards int, runner runner) (*driver, error) {
	own, err := program()
	if err != nil {
		return nil, err
	}
	d := &driver{
		question: Question{System: j.System, Values: j.Values, Part: j.Part, Bug: j.Bug, NoSymmetry: j.Options.NoSymmetry, Program: own},
		opt:      j.Options, model: j.Search.Model, runner: runner, began: time.Now(),
	}
	if d.folder, err = openFolder(ctx, dir); err != nil {
		return nil, err
	}
	fresh := &manifest{
		Format: format, Program: own, Question: d.asked(j),
		Fronts: make([]states.File, shards), Runs: make([][]states.File, shards),
	}
	d.now, err = d.folder.load(ctx)
	if err != nil || d.now == nil {
		d.now = fresh
		d.now.Level = -1
		return d, err
	}
	if err := d.now.check(fresh, d.folder.dir); err != nil {
		return nil, err
	}
	if err := d.folder.complete(ctx, d.now); err != nil {
		return nil, err
	}
	return d, d.folder.sweep(ctx, d.now)
}

// asked is the whole question, with what the engine knows itself.
func (d *driver) asked(j *cli.Job) []explore.Setting {
	return append(slices.Clone(j.Options.Question),
		explore.Setting{Name: "planted bug", Value: j.Bug},
		explore.Setting{Name: "find all", Value: fmt.Sprint(j.Options.FindAll)},
		explore.Setting{Name: "symmetry", Value: fmt.Sprint(!j.Options.NoSymmetry)})
}

// run searches to the end or to a limit.
func (d *driver) run(ctx context.Context) error {
	if d.now.Level < 0 {
		if err := d.begin(ctx); err != nil {
			return err
		}
	}
	for d.stopped == explore.StopNone && d.now.waiting() > 0 {
		d.progress()
		switch {
		case d.opt.Depth > 0 && d.now.Level >= d.opt.Depth:
			d.stopped = explore.StopDepth
		case ctx.Err() != nil:
			d.stopped = explore.StopInterrupt
		default:
			if err := d.level(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
	return nil
}

// level searches one level.
func (d *driver) level(ctx context.Context) error {
	t, err := d.pipeline(ctx, nil)
	if err != nil {
		return err
	}
	c, stop, err := d.end(ctx, t)
	if err != nil {
		return err
	}
	if c == nil {
		d.now = d.now.after(t)
		return d.folder.commit(ctx, d.now)
	}
	// Once more, up to there: then all counts are those of a search that ends there. The folder
	// keeps the state before, so that another limit can be asked for.
	if t, err = d.pipeline(ctx, c); err != nil {
		return err
	}
	d.now, d.stopped = d.now.after(t), stop
	return nil
}

// pipeline runs the pipeline of a level, and returns what it has told.
func (d *driver) pipeline(ctx context.Context, c *cut) (*told, error) {
	depth, dir := d.now.Level+1, d.folder.dir
	r := &Report{dir, states.Unique(fmt.Sprintf("report-%06d", depth))}
	err := d.runner(ctx, level{
		&Expand{Question: d.question, Dir: dir, Fronts: d.now.Fronts, Cut: c},
		&Absorb{Question: d.question, Dir: dir, Level: depth, Runs: d.now.Runs}, r})
	if err != nil {
		return nil, fmt.Errorf("level %d failed, and the same command begins it again: %w", depth, cause{err})
	}
	t, err := d.folder.report(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	if t.Trouble != "" {
		return nil, errors.New(t.Trouble)
	}
	return t, nil
}

// cause is an error of a runner's, told by its last line: those before say on which way it came.
type cause struct{ error }

func (e cause) Error() string {
	text := strings.TrimSpace(e.error.Error())
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// Unwrap is the whole error.
func (e cause) Unwrap() error { return e.error }

// end says whether the search ends inside the level that was told of, and where.
func (d *driver) end(ctx context.Context, t *told) (c *cut, stop explore.Reason, err error) {
	next := d.now.after(t)
	if n := d.opt.MaxStates; n > 0 && next.states() > n {
		label, err := d.label(ctx, next, n-d.now.states())
		if err != nil {
			return nil, stop, err
		}
		c, stop = &cut{Label: label}, explore.StopStates
	}
	for _, f := range newKinds(d.now.Sums.Found, t.Found) {
		if !d.opt.FindAll && c.spares(f.Label) {
			return &cut{Label: f.Label, Inside: true}, explore.StopFinding, nil
		}
	}
	return c, stop, nil
}

// label is the label of the n-th new state, from 0, in the order of the labels.
func (d *driver) label(ctx context.Context, m *manifest, n uint64) ([]byte, error) {
	var sources []states.Source
	for _, f := range m.Fronts {
		if f.Entries == 0 {
			continue
		}
		r, err := states.Open(ctx, d.folder.fs, d.folder.dir, f)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		sources = append(sources, states.ByLabel(r))
	}
	all := states.Merge(sources...)
	for {
		e, ok, err := all.Next()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, fmt.Errorf("search: state %d of a level of %d is missing", n, m.waiting())
		case n == 0:
			return bytes.Clone(e.State), nil
		}
		n--
	}
}

// progress tells how far the search is.
func (d *driver) progress() {
	if d.opt.Progress != nil {
		d.opt.Progress(explore.Progress{
			States: d.now.states(), Transitions: d.now.Sums.Transitions, Depth: d.now.Level, Waiting: d.now.waiting(),
			Elapsed: time.Since(d.began), Levels: slices.Clone(d.now.PerDepth),
		})
	}
}

// result sums the search up.
func (d *driver) result() (explore.Result, error) {
	m, w := d.now, newWalker(d.model(), d.opt.NoSymmetry)
	r := explore.Result{
		States: m.states(), Transitions: m.Sums.Transitions, Skipped: m.Sums.Skipped, Counters: m.Sums.Counters,
		AllStates: m.Sums.AllStates, AllTransitions: m.Sums.AllTransitions,
		PerDepth: m.PerDepth, Diameter: max(0, len(m.PerDepth)-1), Stopped: d.stopped, Complete: d.stopped == explore.StopNone,
		Symmetry: w.canon != nil, DiskBytes: m.bytes(),
	}
	if r.States > 0 {
		r.BytesPerState = float64(r.DiskBytes) / float64(r.States)
	}
	for _, f := range m.Sums.Found {
		x, err := d.retrace(f)
		if err != nil {
			return r, err
		}
		r.Findings = append(r.Findings, x)
	}
	r.Duration = time.Since(d.began)
	return r, nil
}

// retrace makes the finding of a label.
func (d *driver) retrace(f found) (explore.Finding, error) {
	places, ok := states.Places(f.Label)
	if !ok || len(places) == 0 {
		return explore.Finding{}, fmt.Errorf("search: a finding has the label %x, which is none", f.Label)
	}
	w := explore.Way{Outcome: f.Outcome, Init: int(places[0]), State: f.State}
	for _, p := range places[1:] {
		w.Calls = append(w.Calls, int(p))
	}
	return explore.Retrace(d.model, d.opt.NoSymmetry, w)
}

// inOrder are findings in order of their labels.
func inOrder(list []found) []found {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b found) int { return bytes.Compare(a.Label, b.Label) })
	return list
}

// has reports whether a finding of a kind is in a list.
func has(list []found, o explore.Outcome) bool {
	return slices.ContainsFunc(list, func(f found) bool { return f.Outcome == o })
}
