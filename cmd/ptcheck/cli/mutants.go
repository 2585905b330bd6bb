package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/wholefile"
)

// mutantsFlags are the flags of mutants.
type mutantsFlags struct {
	json     bool
	harmless bool
	report   string
}

func (p *program) newMutants() *cobra.Command {
	var f mutantsFlags
	cmd := &cobra.Command{
		Use:   "mutants [ID...]",
		Short: "Plant real bugs one at a time and see that each is caught",
		Long: `mutants searches systems in which one function has been replaced by a wrong one,
and prints the kill matrix: which rules fire for which bug. Within the matrix, #
is the rule that must catch the bug and does, + any other that fires too.

The exit code is 1 if a mutant survives, is not caught by the rule that it names,
or on a way of another length. With --harmless it searches legal variations
instead: what a correct kernel, machine or hypervisor may do otherwise, in each
system that it fits. The exit code is then 1 if anything fires.`,
		Example: `  ptcheck mutants
  ptcheck mutants B08 L01 --json
  ptcheck mutants X43 --report reports
  ptcheck mutants --harmless`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.harmless {
				return f.runHarmless(cmd, args)
			}
			return f.run(cmd, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return mutantIDs(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print the results as JSON")
	cmd.Flags().BoolVar(&f.harmless, "harmless", false, "search legal variations instead, of which nothing may fire")
	cmd.Flags().StringVar(&f.report, "report", "", "write the report of each counterexample into a folder of its own in this folder")
	return cmd
}

func (f *mutantsFlags) run(cmd *cobra.Command, ids []string) error {
	if id := unknownWord(ids, mutantIDs()); id != "" {
		return unknown("mutants", "mutant", id, mutantIDs())
	}
	if f.report != "" {
		if err := wholefile.ProbeFolder(f.report); err != nil {
			return fmt.Errorf("mutants: --report: %w", err)
		}
	}
	all, err := mutants.Find(ids)
	if err != nil {
		return err
	}
	list, results, err := runMutants(cmd, all)
	if err != nil {
		return err
	}
	if f.json {
		err = writeIndented(cmd.OutOrStdout(), results)
	} else {
		err = writeMatrix(cmd.OutOrStdout(), list, results)
	}
	if f.report != "" {
		told := cmd.OutOrStdout()
		if f.json {
			told = cmd.ErrOrStderr() // programs read the other
		}
		err = errors.Join(err, writeMutantReports(told, f.report, list, results))
	}
	for _, r := range results {
		if !r.Caught {
			return errors.Join(err, exitError(exitViolated))
		}
	}
	return errors.Join(err, cutShort(cmd, len(list), len(all)))
}

// runMutants searches mutants side by side. Interrupted, it returns those that it
// has searched to the end, with their results.
func runMutants(cmd *cobra.Command, all []mutants.Mutant) ([]mutants.Mutant, []mutants.Result, error) {
	t := newTask(cmd, "mutants", len(all))
	defer t.done()
	results, err := mutants.RunAll(cmd.Context(), all, func(n int) { t.step(n, "searched") })
	if err != nil && !t.interrupted() {
		return nil, nil, err
	}
	var list []mutants.Mutant
	done := results[:0]
	for i, r := range results {
		if r.ID != "" {
			list, done = append(list, all[i]), append(done, r)
		}
	}
	return list, done, nil
}

// cutShort says that an interrupt left something out, if it did.
func cutShort(cmd *cobra.Command, n, all int) error {
	if n == all {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "interrupted: %d of %d mutants searched\n", n, all)
	return partial(false)
}

// mutantIDs are the names of the mutants.
func mutantIDs() []string {
	var ids []string
	for _, m := range mutants.All() {
		ids = append(ids, m.ID)
	}
	return ids
}

func writeIndented(w io.Writer, v []mutants.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// runHarmless searches legal variations, and what else is no bug: nothing may fire.
func (f *mutantsFlags) runHarmless(cmd *cobra.Command, ids []string) error {
	if len(ids) > 0 || f.json || f.report != "" {
		return errors.New("mutants: --harmless takes no IDs and no other flags")
	}
	all, err := mutants.Harmless()
	if err != nil {
		return err
	}
	list, results, err := runMutants(cmd, all)
	if err != nil {
		return err
	}
	loud := 0
	for i, r := range results {
		answer := "silent " + r.Reach()
		if len(r.Fired) > 0 {
			answer = fmt.Sprintf("FIRES %s", r.Fired)
			loud++
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%-24s %-10s %8d states  %s: %s\n", r.ID, list[i].SystemName(), r.States, answer, list[i].What)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d of %d silent\n", len(results)-loud, len(results))
	if loud > 0 {
		return exitError(exitViolated)
	}
	return cutShort(cmd, len(list), len(all))
}
