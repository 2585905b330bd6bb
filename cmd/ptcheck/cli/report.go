package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/reports"
)

// reportFlags are the flags of commands that write reports.
type reportFlags struct {
	dir     string
	format  string
	timings bool
}

func (f *reportFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.dir, "report", "", "folder for the report in every format, and for its scenario files")
	fl.StringVar(&f.format, "format", "", "print the report in this format: text, markdown, html, json, sarif or junit")
	fl.BoolVar(&f.timings, "timings", false, "put into reports what the search cost on this machine")
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

// writeReports writes a report in every format into a folder, and beside it the
// scenario files that its replay commands name. Each file is written whole or not
// at all, and nothing before all of it could be rendered.
func writeReports(dir string, runs []reports.Run) error {
	runs = slices.Clone(runs)
	var files []reports.File
	for i := range runs {
		// The commands are meant to be given in the folder, wherever that is.
		local := make([]*reports.Finding, len(runs[i].Findings))
		for j, f := range runs[i].Findings {
			moved := *f
			local[j] = &moved
			if f.Scenario == "" {
				continue
			}
			name := freeName(files, scenarioName(f.System, f))
			moved.Replay = "ptcheck replay " + name
			files = append(files, reports.File{Name: name, Data: []byte(f.Scenario)})
		}
		runs[i].Findings = local
	}
	rendered, err := reports.Files(newReport(runs))
	if err != nil {
		return err
	}
	for _, f := range append(files, rendered...) {
		if err := wholefile.Write(filepath.Join(dir, f.Name), f.Data); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	return nil
}

// freeName returns a name that no file has yet: the given one, or one with a
// number before its ending.
func freeName(files []reports.File, name string) string {
	ext := filepath.Ext(name)
	for n, try := 2, name; ; n++ {
		if !slices.ContainsFunc(files, func(f reports.File) bool { return f.Name == try }) {
			return try
		}
		try = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
	}
}

// run turns a verdict into a run of a report.
func (v *verdict) run(timings bool) reports.Run {
	r := reports.Run{
		System: v.search.System, Verdict: v.word(), Summary: v.headline(), Scope: v.search.Scope,
		Stats:    reports.StatsOf(&v.result, v.strategy, v.depth, v.allStates()),
		Findings: append([]*reports.Finding{}, v.findings...),
	}
	if v.search.Part != "" {
		r.Title = v.search.Title()
	}
	r.Coverage = v.counts()
	if timings {
		r.Timings = reports.TimingsOf(&v.result)
	}
	return r
}
