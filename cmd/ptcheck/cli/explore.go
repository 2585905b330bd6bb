package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

func (p *program) newExplore() *cobra.Command {
	f := exploreFlags{set: p.set, engine: p.engine, settings: newSettingFlags(p.set.Searched())}
	cmd := &cobra.Command{
		Use:   "explore [SYSTEM...]",
		Short: "Search every call order of a system, exhaustively",
		Long: `explore drives the real hook code through every order of protocol calls, from
every start-of-day pagetable of the scope, and checks every rule at every step.

Systems (default: ` + strings.Join(p.set.Default(), ", ") + `):
` + systemsHelp(p.set),
		Example: `  ptcheck explore --depth=8
  ptcheck explore xen --levels=3 --depth=0
  ptcheck explore native --json
  ptcheck explore pvdp --frames=4 --levels=2 --slots=1 --depth=0 --json
  ptcheck explore adversary --profile=xen-4.17 --depth=4
  ptcheck explore hyper --strict
  ptcheck explore hyper --scope=stale,race --depth=5
  ptcheck explore pvdp --frames=5 --depth=0 --checkpoint=progress`,
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

// systemsHelp lists the systems that can be searched for the help page, then what
// they have to say besides.
func systemsHelp(set *systems.Set) string {
	var b, notes strings.Builder
	for _, name := range set.Names() {
		x, err := set.Find(name)
		if err != nil {
			continue // the set has just named it
		}
		a := x.About()
		fmt.Fprintf(&b, "  %-12s %s\n", a.Name, a.Says)
		if a.Notes != "" {
			fmt.Fprintf(&notes, "\n%s\n", a.Notes)
		}
	}
	return b.String() + notes.String()
}

func (f *exploreFlags) run(cmd *cobra.Command, names []string) error {
	if len(names) == 0 {
		names = f.set.Default()
	}
	f.depthGiven = cmd.Flags().Changed("depth")
	if err := f.check(names); err != nil {
		return err
	}
	searches, err := f.searches(names)
	if err != nil {
		return err
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

// question is a search with what it is asked.
type question struct {
	*systems.Search
	asked []explore.Setting // see systems.Question
	job   Job               // how to make it anew, for an engine
}

// searches makes the searches of systems, each with the settings that were given. A
// setting that a system does not have is refused.
func (f *exploreFlags) searches(names []string) ([]question, error) {
	given := f.settings.values()
	var out []question
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
			out = append(out, question{s, systems.Question(x, v, s), Job{System: name, Values: v, Part: i}})
		}
	}
	return out, nil
}

// probe makes sure before a search that what it finds can be written down.
func (f *exploreFlags) probe(cmd *cobra.Command) error {
	var failed []error
	ask := func(flag, place string, probe func(string) error) {
		if place == "" {
			return
		}
		if err := probe(place); err != nil {
			failed = append(failed, fmt.Errorf("explore: --%s: %w", flag, err))
		}
	}
	ask("report", f.report.dir, wholefile.ProbeFolder)
	ask("graph", f.graph, wholefile.Probe)
	ask("checkpoint", f.checkpoint, wholefile.ProbeFolder)
	ask("disk", f.disk, wholefile.ProbeFolder)
	if cmd.Flags().Changed("save") {
		ask("save", f.save, wholefile.ProbeFolder)
	} else if err := wholefile.ProbeFolder(f.save); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "ptcheck: explore: counterexamples cannot be saved here: %v; --save names another folder\n", err)
	}
	return errors.Join(failed...)
}

// show prints the verdicts first, then writes their reports.
func (f *exploreFlags) show(w io.Writer, verdicts []*systems.Outcome) error {
	var runs []reports.Run
	for _, v := range verdicts {
		runs = append(runs, f.report.run(v))
	}
	var err error
	switch {
	case f.report.format != "":
		err = f.report.print(w, runs)
	case f.json:
		err = writeJSON(w, verdicts)
	default:
		err = writeText(w, verdicts)
	}
	return errors.Join(err, f.report.save(runs))
}

// search runs one search. The verdict is there even if an output failed.
func (f *exploreFlags) search(cmd *cobra.Command, q question) (*systems.Outcome, error) {
	opt, err := f.options(q)
	if err != nil {
		return nil, err
	}
	p := newProgress(cmd, q.Title())
	opt.Progress, opt.ProgressEvery = p.show, p.every()
	var dot *dotGraph
	if f.graph != "" {
		dot = newDotGraph(q.Search)
		opt.Edges, opt.MaxEdges = dot.edge, f.graphLimit
	}
	r, err := f.answer(cmd.Context(), q, opt)
	p.done()
	var partial *explore.PartialError
	if err != nil && !errors.As(err, &partial) {
		return nil, f.unfinished(q.Search, err)
	}
	v := &systems.Outcome{Search: q.Search, Result: r, Depth: opt.Depth, Strategy: opt.Strategy}
	failed := []error{err} // of a file that has put an end to the search
	if dot != nil && err == nil {
		if err := wholefile.Write(f.graph, dot.bytes()); err != nil {
			failed = append(failed, fmt.Errorf("explore: --graph: %w", err))
		}
	}
	for _, found := range r.Findings {
		if err := f.explain(v, found); err != nil {
			failed = append(failed, err)
		}
	}
	return v, errors.Join(failed...)
}

// explain turns a finding into a report and saves its scenario.
func (f *exploreFlags) explain(v *systems.Outcome, found explore.Finding) error {
	file, err := v.Explain(found)
	if file == nil || f.save == "" {
		return f.unfinished(v.Search, err)
	}
	rep := v.Findings[len(v.Findings)-1]
	name := filepath.Join(f.save, v.ScenarioName(rep))
	if failed := wholefile.Write(name, []byte(rep.Scenario)); failed != nil {
		return errors.Join(err, fmt.Errorf("explore: the counterexample is not saved: %w", failed))
	}
	rep.Replay = command() + " replay " + name
	return err
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
