package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// reportFlags are the flags of commands that write reports.
type reportFlags struct {
	dir     string
	format  string
	timings bool
}

func (f *reportFlags) register(fl *pflag.FlagSet) {
	f.registerOutput(fl)
	fl.BoolVar(&f.timings, "timings", false, "put into reports what the search cost on this machine")
}

// registerOutput registers the flags that say where reports go, without those about
// searches.
func (f *reportFlags) registerOutput(fl *pflag.FlagSet) {
	fl.StringVar(&f.dir, "report", "", "folder for the report in every format, and for its scenario files")
	fl.StringVar(&f.format, "format", "", "print the report in this format: text, markdown, html, json, sarif or junit")
}

// formatNames are the names of the formats.
func formatNames() []string {
	var out []string
	for _, f := range reports.Formats() {
		out = append(out, f.Name)
	}
	return out
}

// check refuses a format that there is not, or one beside --json.
func (f *reportFlags) check(json bool) error {
	if f.format == "" {
		return nil
	}
	if json {
		return fmt.Errorf("--json and --format %s both say what to print", f.format)
	}
	if _, err := reports.FindFormat(f.format); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	return nil
}

// print prints the report in the format asked for, if one is.
func (f *reportFlags) print(w io.Writer, runs []reports.Run) error {
	if f.format == "" {
		return nil
	}
	format, err := reports.FindFormat(f.format)
	if err != nil {
		return err
	}
	return format.Write(w, newReport(runs), colored(w))
}

// save writes the report into the folder asked for, if one is.
func (f *reportFlags) save(runs []reports.Run) error {
	if f.dir == "" {
		return nil
	}
	return writeReports(f.dir, runs)
}

// write prints and saves the report where the flags want it.
func (f *reportFlags) write(w io.Writer, runs []reports.Run) error {
	return errors.Join(f.print(w, runs), f.save(runs))
}

// newReport is a report of this version of the program.
func newReport(runs []reports.Run) *reports.Report {
	return reports.New(versionText(debug.ReadBuildInfo()), runs...)
}

// writeReports writes a report in every format, with its scenario files, into a folder.
func writeReports(dir string, runs []reports.Run) error {
	if err := reports.Save(dir, command(), newReport(runs)); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}

// run turns what a search found out into a run of a report.
func (f *reportFlags) run(v *systems.Outcome) reports.Run {
	r := v.Run()
	if f.timings {
		r.Timings = reports.TimingsOf(&v.Result)
	}
	return r
}
