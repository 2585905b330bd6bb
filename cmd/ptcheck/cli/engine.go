package cli

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// Engine answers what explore asks in another way than by a search in this process.
type Engine interface {
	// Flags adds the engine's flags to the command's.
	Flags(*pflag.FlagSet)
	// Commands are those of the program besides explore.
	Commands() []*cobra.Command
	// Explore searches. What it cannot honour of the options is an error; results and
	// errors are as those of [explore.Run].
	Explore(context.Context, Job) (explore.Result, error)
}

// Job is one search by what it takes to make it anew in another process.
type Job struct {
	Search *systems.Search
	// System is the name of its system, Values are the settings that were given, and Part
	// is its number among the searches that they make.
	System string
	Values systems.Values
	Part   int
	// Bug is the ID of the bug that is planted, "" for none.
	Bug     string
	Options explore.Options
}

// MainWith carries out the command line of a program that knows explore alone, with an
// engine of its own, and returns its exit code. Flags, verdicts, reports and exit codes are
// those of [Main]. The engine's searches go one at a time.
func MainWith(name string, e Engine, list ...systems.System) int {
	p := &program{engine: e}
	return p.main(untilSignal(), list, engineRoot(name), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// engineRoot makes the command line of a program with an engine.
func engineRoot(name string) func(*program) *cobra.Command {
	return func(p *program) *cobra.Command {
		root := &cobra.Command{
			Use: name, Short: "Search a system of ptcheck's with an engine of another kind",
			Version: versionText(debug.ReadBuildInfo()), SilenceUsage: true, SilenceErrors: true,
			RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
		addProgress(root)
		root.AddCommand(p.newExplore(), newVersion())
		root.AddCommand(p.engine.Commands()...)
		return root
	}
}

// engineFlags adds what only a program with an engine has.
func (f *exploreFlags) engineFlags(fl *pflag.FlagSet) {
	if f.engine == nil {
		return
	}
	fl.StringVar(&f.bug, "mutant", "", "plant this bug ('ptcheck list' has them): the search must find it")
	f.engine.Flags(fl)
}

// change is the bug that is planted in a system.
func (f *exploreFlags) change(x systems.System) (systems.Change, error) {
	if f.bug == "" {
		return systems.Change{}, nil
	}
	return mutants.Bugs(f.bug, x.About())
}

// answer answers a question, by the engine if there is one.
func (f *exploreFlags) answer(ctx context.Context, q *systems.Search, o explore.Options) (explore.Result, error) {
	if f.engine == nil {
		return q.Run(ctx, o)
	}
	elsewhere := *q
	elsewhere.Engine = func(ctx context.Context, _ explore.Factory, o explore.Options) (explore.Result, error) {
		j := f.jobs[q]
		j.Options = o
		return f.engine.Explore(ctx, j)
	}
	return elsewhere.Run(ctx, o)
}
