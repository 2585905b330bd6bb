package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/shards"
)

// probe makes sure that a verdict and what goes with it can be written down.
func (f *verdictFlags) probe(cmd *cobra.Command) error {
	failed := ask(cmd, "report", f.report.dir, wholefile.ProbeFolder)
	if cmd.Flags().Changed("save") {
		return errors.Join(failed, ask(cmd, "save", f.save, wholefile.ProbeFolder))
	}
	if err := wholefile.ProbeFolder(f.save); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "ptcheck: %s: counterexamples cannot be saved here: %v; --save names another folder\n", cmd.Name(), err)
	}
	return failed
}

// ask probes a place, if a flag names one.
func ask(cmd *cobra.Command, flag, place string, probe func(string) error) error {
	if place == "" {
		return nil
	}
	if err := probe(place); err != nil {
		return fmt.Errorf("%s: --%s: %w", cmd.Name(), flag, err)
	}
	return nil
}

// outcomeOf is what a search has found out, not explained yet.
func outcomeOf(q *shards.Question, r explore.Result) *systems.Outcome {
	return &systems.Outcome{Search: q.Search, Result: r, Depth: q.Options.Depth, Strategy: q.Options.Strategy}
}

// show prints the verdicts first, then writes their reports.
func (f *verdictFlags) show(w io.Writer, verdicts []*systems.Outcome) error {
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

// explainAll explains and saves all findings of a search.
func (f *verdictFlags) explainAll(cmd *cobra.Command, v *systems.Outcome) error {
	var failed error
	for _, found := range v.Result.Findings {
		failed = errors.Join(failed, f.explain(cmd, v, found))
	}
	return failed
}

// explain turns a finding into a report and saves its scenario.
func (f *verdictFlags) explain(cmd *cobra.Command, v *systems.Outcome, found explore.Finding) error {
	file, err := v.Explain(found)
	if file == nil || f.save == "" {
		return f.unfinished(cmd, v.Search, err)
	}
	rep := v.Findings[len(v.Findings)-1]
	name := filepath.Join(f.save, v.ScenarioName(rep))
	if failed := wholefile.Write(name, []byte(rep.Scenario)); failed != nil {
		return errors.Join(err, fmt.Errorf("%s: the counterexample is not saved: %w", cmd.Name(), failed))
	}
	rep.Replay = command() + " replay " + name
	return err
}
