package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/shards"
)

func (p *program) newExplore() *cobra.Command {
	f := p.newExploreFlags()
	cmd := &cobra.Command{
		Use:   "explore [SYSTEM...]",
		Short: "Search every call order of a system, exhaustively",
		Long: `explore drives the real hook code through every order of protocol calls, from
every start-of-day pagetable of the scope, and checks every rule at every step.

--shard=K/N makes one share of N of the search, for machines of a CI matrix or a
batch queue, and leaves what it found out in the file --part; 'ptcheck merge'
joins the files of all N. Scopes and start-of-day tables are dealt out in their
order, one to each shard in turn. What has a budget of states (--max-states,
parts of life), random walks and depth-first searches go to one shard as they are.

Systems (default: ` + strings.Join(p.set.Default(), ", ") + `):
` + systemsHelp(p.set),
		Example: `  ptcheck explore --depth=8
  ptcheck explore xen --levels=3 --depth=0
  ptcheck explore native --json
  ptcheck explore pvdp --frames=4 --levels=2 --slots=1 --depth=0 --json
  ptcheck explore adversary --profile=xen-4.17 --depth=4
  ptcheck explore hyper --strict
  ptcheck explore hyper --scope=stale,race --depth=5
  ptcheck explore pvdp --frames=5 --depth=0 --checkpoint=progress
  ptcheck explore xen --depth=0 --shard=3/16 --part=part-3.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return p.set.Names(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f.settings.register(cmd)
	f.searchFlags(cmd.Flags())
	f.outputFlags(cmd.Flags())
	f.engineFlags(cmd.Flags())
	f.completions(cmd)
	return cmd
}

func (p *program) newExploreFlags() *exploreFlags {
	return &exploreFlags{set: p.set, engine: p.engine, jobs: map[*systems.Search]Job{}, settings: newSettingFlags(p.set.Searched())}
}

// systemsHelp lists the systems that can be searched for the help page, then what
// they have to say besides.
func systemsHelp(set *systems.Set) string {
	var rows [][2]string
	var notes strings.Builder
	for _, name := range set.Names() {
		x, err := set.Find(name)
		if err != nil {
			continue // the set has just named it
		}
		a := x.About()
		rows = append(rows, [2]string{a.Name, a.Says})
		if a.Notes != "" {
			fmt.Fprintf(&notes, "\n%s\n", a.Notes)
		}
	}
	return columns.Table(rows, "  ", columns.Width) + notes.String()
}

func (f *exploreFlags) run(cmd *cobra.Command, args []string) error {
	searches, err := f.questions(cmd, args)
	if err != nil {
		return err
	}
	if f.part.given && f.engine != nil {
		return fmt.Errorf("explore: --shard and --part are for 'ptcheck explore': this program spreads a search by itself")
	}
	if f.part.given {
		return f.shareOf(cmd, searches, args)
	}
	if len(searches) > 1 && f.single() {
		return fmt.Errorf("explore: %s with one scope: name it with --scope, or, of life after boot, with --themes or --combine=1", f.alone())
	}
	if err := f.probe(cmd); err != nil {
		return err
	}
	var verdicts []*systems.Outcome
	var failed error
	for _, s := range searches {
		v, err := f.search(cmd, s)
		if v != nil {
			verdicts = append(verdicts, v)
		}
		failed = errors.Join(failed, err) // what the others find out counts all the same
	}
	return errors.Join(f.show(cmd.OutOrStdout(), verdicts), failed, exitOf(verdicts, f.strict))
}

// questions are the searches that the command line asks for.
func (f *exploreFlags) questions(cmd *cobra.Command, names []string) ([]shards.Question, error) {
	if len(names) == 0 {
		names = f.set.Default()
	}
	f.depthGiven = cmd.Flags().Changed("depth")
	f.part.given = cmd.Flags().Changed("shard") || cmd.Flags().Changed("part")
	if err := f.check(names); err != nil {
		return nil, err
	}
	return f.searches(names)
}

// searches makes the searches of systems, each with the settings that were given. A
// setting that a system does not have is refused.
func (f *exploreFlags) searches(names []string) ([]shards.Question, error) {
	given := f.settings.values()
	var out []shards.Question
	for _, name := range names {
		x, err := f.set.Find(name)
		if err != nil || x.About().Unnamed {
			return nil, unknown("explore", "system", name, f.set.Names())
		}
		v, err := systems.CheckValues(x, given)
		if err != nil {
			return nil, fmt.Errorf("explore: %w", err)
		}
		c, err := f.change(x)
		if err != nil {
			return nil, fmt.Errorf("explore: --mutant: %w", err)
		}
		list, err := x.Searches(v, c)
		if err != nil {
			return nil, fmt.Errorf("explore: %w", err)
		}
		for i, s := range list {
			opt, err := f.options(s)
			if err != nil {
				return nil, err
			}
			opt.Question = systems.Question(x, v, s)
			f.jobs[s] = Job{Search: s, System: name, Values: v, Part: i, Bug: f.bug}
			out = append(out, shards.Question{Search: s, Options: opt})
		}
	}
	return out, nil
}

// search runs one search. The verdict is there even if an output failed.
func (f *exploreFlags) search(cmd *cobra.Command, q shards.Question) (*systems.Outcome, error) {
	opt := q.Options
	p := newProgress(cmd, q.Title(), opt)
	opt.Progress, opt.ProgressEvery = p.show, p.every()
	var dot *dotGraph
	if f.graph != "" {
		dot = newDotGraph(q.Search)
		opt.Edges, opt.MaxEdges = dot.edge, f.graphLimit
	}
	r, err := f.answer(cmd.Context(), q.Search, opt)
	p.done()
	var partial *explore.PartialError
	if err != nil && !errors.As(err, &partial) {
		return nil, f.unfinished(cmd, q.Search, err)
	}
	v := outcomeOf(&q, r)
	failed := []error{err} // of a file that has put an end to the search
	if dot != nil && err == nil {
		if err := wholefile.Write(f.graph, dot.bytes()); err != nil {
			failed = append(failed, fmt.Errorf("explore: --graph: %w", err))
		}
	}
	return v, errors.Join(append(failed, f.explainAll(cmd, v))...)
}

// probe makes sure before a search that what it finds can be written down.
func (f *exploreFlags) probe(cmd *cobra.Command) error {
	return errors.Join(
		f.verdictFlags.probe(cmd),
		ask(cmd, "graph", f.graph, wholefile.Probe),
		ask(cmd, "checkpoint", f.checkpoint, wholefile.ProbeFolder),
		ask(cmd, "disk", f.disk, wholefile.ProbeFolder),
		ask(cmd, "part", f.part.file, wholefile.Probe),
	)
}

// settled are the words of flags that choose among a few.
func settled() map[string][]string {
	return map[string][]string{
		"strategy": {"bfs", "dfs", "random"}, "store": {"exact", "hash128", "hash64"}, "format": formatNames(),
	}
}

// completions says what the shell may complete.
func (f *exploreFlags) completions(cmd *cobra.Command) {
	for flag, words := range settled() {
		completeFlag(cmd, flag, func() []string { return slices.Clone(words) })
	}
}
