package cli

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/reports"
)

// matrixColumns are the letters of the matrix' columns.
const matrixColumns = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// writeMatrix prints the kill matrix, one row a mutant, and what each rule caught.
func writeMatrix(w io.Writer, list []mutants.Mutant, results []mutants.Result) error {
	kills := killsOf(results)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "mutant\tsystem\tcaught by\tcalls\tstates\tms\t%s\twhat is wrong\n", matrixColumns[:min(len(kills), len(matrixColumns))])
	caught := 0
	for i := range results {
		r, m := &results[i], &list[i]
		by := r.Rule
		if r.Caught {
			caught++
		} else {
			by = fmt.Sprintf("MISSED (%s by %d, want %s by %d)", r.Rule, r.Steps, m.Catch, m.Steps)
		}
		fmt.Fprintf(tw, "%s\t%s/%d\t%s\t%d\t%d\t%d\t%s\t%s\n", r.ID, m.SystemName(), m.Levels(), by, r.Steps, r.States, r.Millis, matrixRow(kills, r), m.What)
	}
	fmt.Fprintln(tw)
	fmt.Fprintln(tw, "\trule\tcatches\tfires\tonly it")
	for i, k := range kills {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\n", matrixColumns[i:i+1], k.Rule, k.Named, k.Fired, strings.Join(k.Sole, " "))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d of %d caught\n", caught, len(results))
	return err
}

// killsOf sums up results for the rules that fired, in the order of the rules.
func killsOf(results []mutants.Result) []mutants.Kills {
	var ids []string
	for _, r := range invariants.All() {
		ids = append(ids, r.ID)
	}
	kills := mutants.KillsOf(ids, results)
	kills = slices.DeleteFunc(kills, func(k mutants.Kills) bool { return k.Fired == 0 })
	return kills[:min(len(kills), len(matrixColumns))]
}

// matrixRow marks the rules that fire for a mutant.
func matrixRow(kills []mutants.Kills, r *mutants.Result) string {
	row := bytes.Repeat([]byte{'.'}, len(kills))
	for i, k := range kills {
		switch {
		case r.Caught && k.Rule == r.Rule:
			row[i] = '#'
		case slices.Contains(r.Fired, k.Rule):
			row[i] = '+'
		}
	}
	return string(row)
}

// writeMutantReports writes the counterexample of each mutant that something fires
// for, in every format and as a scenario file, into a folder of its own, and tells where
// on w.
func writeMutantReports(w io.Writer, dir string, list []mutants.Mutant, results []mutants.Result) error {
	n := 0
	for i := range results {
		if len(results[i].Fired) == 0 {
			continue
		}
		run, err := list[i].Report(&results[i])
		if err != nil {
			return err
		}
		to := filepath.Join(dir, list[i].ID)
		if err := writeReports(to, []reports.Run{run}); err != nil {
			return err
		}
		n++
		fmt.Fprintf(w, "%s: report.* and the scenario in %s\n", list[i].ID, to)
	}
	if n == 0 {
		fmt.Fprintf(w, "nothing in %s: nothing fires\n", dir)
	}
	return nil
}
