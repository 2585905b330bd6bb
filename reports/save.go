package reports

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/wholefile"
)

// Save writes a report in every format into a folder, and beside it the scenario files
// that its replay commands name; command is the program's, such as ptcheck. Each file
// is written whole or not at all, and nothing before all of it could be rendered.
func Save(dir, command string, r *Report) error {
	out := *r
	out.Runs = slices.Clone(r.Runs)
	var files []File
	for i := range out.Runs {
		// The commands are meant to be given in the folder, wherever that is.
		local := make([]*Finding, len(out.Runs[i].Findings))
		for j, f := range out.Runs[i].Findings {
			moved := *f
			local[j] = &moved
			if f.Scenario == "" {
				continue
			}
			name := freeName(files, fmt.Sprintf("ptcheck-%s-%s.pt", f.System, cmp.Or(f.Rule, "crash")))
			moved.Replay = command + " replay " + name
			files = append(files, File{Name: name, Data: []byte(f.Scenario)})
		}
		out.Runs[i].Findings = local
	}
	rendered, err := Files(&out)
	if err != nil {
		return err
	}
	for _, f := range append(files, rendered...) {
		if err := wholefile.Write(filepath.Join(dir, f.Name), f.Data); err != nil {
			return err
		}
	}
	return nil
}

// freeName returns a name that no file has yet: the given one, or one with a number
// before its ending.
func freeName(files []File, name string) string {
	ext := filepath.Ext(name)
	for n, try := 2, name; ; n++ {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Name == try }) {
			return try
		}
		try = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
	}
}
