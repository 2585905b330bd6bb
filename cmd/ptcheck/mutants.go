package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
)

func newMutants() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "mutants [ID...]",
		Short: "Plant real bugs one at a time and see that each is caught",
		Long: `mutants searches systems in which one function has been replaced by a wrong one,
and prints which rules fire. The exit code is 1 if a mutant survives, is not
caught by the rule that it names, or by another number of calls.`,
		Example: `  ptcheck mutants
  ptcheck mutants B08 L01 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := mutants.Find(args)
			if err != nil {
				return err
			}
			var results []mutants.Result
			for _, m := range list {
				r, err := m.Run(cmd.Context())
				if err != nil {
					return err
				}
				results = append(results, r)
			}
			if asJSON {
				err = writeMutantsJSON(cmd.OutOrStdout(), results)
			} else {
				err = writeMutants(cmd.OutOrStdout(), list, results)
			}
			for _, r := range results {
				if err == nil && !r.Caught {
					err = exitError(exitViolated)
				}
			}
			return err
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, m := range mutants.All() {
				ids = append(ids, m.ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	return cmd
}

func writeMutantsJSON(w io.Writer, results []mutants.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(results)
}

// writeMutants prints the kill matrix, one row a mutant.
func writeMutants(w io.Writer, list []mutants.Mutant, results []mutants.Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "mutant\tsystem\tcaught by\tcalls\tstates\tfires too\twhat is wrong")
	caught := 0
	for i, r := range results {
		by, too := r.Rule, []string{}
		for _, f := range r.Fired {
			if f != r.Rule {
				too = append(too, f)
			}
		}
		if r.Caught {
			caught++
		} else {
			by = fmt.Sprintf("MISSED (%s by %d, want %s by %d)", r.Rule, r.Steps, list[i].Catch, list[i].Steps)
		}
		fmt.Fprintf(tw, "%s\t%s/%d\t%s\t%d\t%d\t%s\t%s\n", r.ID, list[i].System, list[i].Levels, by, r.Steps, r.States, strings.Join(too, ", "), list[i].What)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d of %d caught\n", caught, len(results))
	return err
}
