package search

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/model/explore"
)

// maxShards bounds the number of shards: each has files of its own in every level.
const maxShards = 100_000

// Engine searches on Beam. It implements [cli.Engine].
type Engine struct {
	shards  int
	runner  string
	workdir string
	log     string
}

// runners are the names of the runners that can be asked for.
func runners() []string { return []string{"prism", "flink", "spark", "dataflow", "portable"} }

// levels are what --runner-log can ask for.
func levels() []string { return []string{"off", "error", "warn", "info", "debug"} }

// Flags implements [cli.Engine]: its own flags, and those of Beam.
func (e *Engine) Flags(fl *pflag.FlagSet) {
	fl.IntVar(&e.shards, "shards", 8, "in how many parts the states are kept, each by its hash: several for each worker")
	fl.StringVar(&e.runner, "runner", "prism", "what runs the pipelines: "+strings.Join(runners(), ", "))
	fl.StringVar(&e.workdir, "workdir", "", "folder of the search, also gs:// or s3://: all workers must reach it; a search goes on where it was left")
	fl.StringVar(&e.log, "runner-log", "off", "what the runner says of its own is shown from this level on: "+strings.Join(levels(), ", "))
	flag.VisitAll(func(f *flag.Flag) {
		if fl.Lookup(f.Name) == nil {
			fl.AddGoFlag(f)
			fl.Lookup(f.Name).Hidden = f.Usage == "" || strings.Contains(f.Usage, "worker mode")
		}
	})
}

// Explore implements [cli.Engine].
func (e *Engine) Explore(ctx context.Context, j cli.Job) (explore.Result, error) {
	if err := e.check(&j.Options); err != nil {
		return explore.Result{}, fmt.Errorf("explore: %w", err)
	}
	initBeam(e.log)
	r, err := run(ctx, j, e.workdir, e.shards, onBeam(e.runner))
	if err != nil {
		return explore.Result{}, fmt.Errorf("explore: %w", err)
	}
	return r, nil
}

// initBeam gets Beam ready, and has it log from a level on.
func initBeam(level string) {
	if level != "off" {
		log.SetupLogging(level, "text")
	}
	if !beam.Initialized() {
		beam.Init() // which sets logging up, too
	}
	if level == "off" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
}

// run searches a job in a folder by a runner of levels.
func run(ctx context.Context, j cli.Job, dir string, shards int, r runner) (explore.Result, error) {
	d, err := newDriver(ctx, &j, dir, shards, r)
	if err != nil {
		return explore.Result{}, err
	}
	if err := d.run(ctx); err != nil {
		return explore.Result{}, err
	}
	return d.result()
}

// check refuses what this engine cannot honour.
func (e *Engine) check(o *explore.Options) error {
	switch {
	case e.workdir == "":
		return fmt.Errorf("--workdir is needed: a folder that all workers reach")
	case strings.ContainsAny(e.workdir, "*?["):
		return fmt.Errorf("--workdir %s: *, ? and [ cannot be in its name, files are listed by patterns", e.workdir)
	case e.shards < 1 || e.shards > maxShards:
		return fmt.Errorf("--shards %d: want 1 to %d", e.shards, maxShards)
	case !slices.Contains(runners(), e.runner):
		return fmt.Errorf("--runner %q: want %s", e.runner, strings.Join(runners(), ", "))
	case !slices.Contains(levels(), e.log):
		return fmt.Errorf("--runner-log %q: want %s", e.log, strings.Join(levels(), ", "))
	}
	for _, x := range []struct {
		given     bool
		flag, why string
	}{
		{o.Strategy != explore.BreadthFirst, "strategy", "only bfs can be spread over machines"},
		{o.Store != explore.Exact, "store", "states are kept exactly"},
		{o.Disk != "", "disk", "states are in --workdir"},
		{o.MaxMemory > 0, "max-memory", "the runner decides about memory; more --shards need less at a time"},
		{o.Timeout > 0, "timeout", "a level is the least that can be searched; interrupt the search, and it goes on later"},
		{o.Workers > 0, "workers", "the runner decides about workers"},
		{o.Checkpoint != "", "checkpoint and --resume", "a search in --workdir goes on by itself"},
		{o.Edges != nil, "graph", "a state graph is for small searches: ptcheck explore gives it"},
	} {
		if x.given {
			return fmt.Errorf("--%s is not for searches on Beam: %s", x.flag, x.why)
		}
	}
	return nil
}
