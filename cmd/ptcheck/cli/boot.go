package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/golden/record"
)

// bootFlags are the flags of boot.
type bootFlags struct {
	check, dump, trace, json, drawn bool
	svg                             string
}

func newBoot() *cobra.Command {
	var f bootFlags
	cmd := &cobra.Command{
		Use:   "boot CONFIG.json | --check FILE...",
		Short: "Boot a configuration at real size, or check recorded boots",
		Long: `boot runs the boot code at real size on one configuration (a config object, or
a golden dump, whose config is used) and prints a summary or what a flag asks
for; the exit code is 1 if the kernel died. --map and --svg draw what its tables
map: ranges that look alike, holes, shared tables, table pages by level. With
--check it recomputes golden dumps, plain or .gz, files or folders, and prints
every difference.`,
		Example: `  ptcheck boot config.json
  ptcheck boot --dump config.json
  ptcheck boot --map config.json
  ptcheck boot --svg tables.svg config.json
  ptcheck boot --check testdata/goldens`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFiles("json", "gz"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.check {
				return checkBoots(cmd, args)
			}
			if len(args) != 1 {
				return fmt.Errorf("boot: want one configuration, got %d; --check takes several", len(args))
			}
			var err error
			if !during(cmd.Context(), func() { err = f.boot(cmd.OutOrStdout(), args[0]) }) {
				return exitError(exitStopped)
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.check, "check", false, "recompute golden dumps and compare")
	fl.BoolVar(&f.dump, "dump", false, "print the tables in canonical text")
	fl.BoolVar(&f.trace, "trace", false, "print the hook trace")
	fl.BoolVar(&f.json, "json", false, "print the golden object")
	fl.BoolVar(&f.drawn, "map", false, "print what the tables map: ranges, holes, sharing, table pages")
	fl.StringVar(&f.svg, "svg", "", "draw the same as a picture into this file")
	cmd.MarkFlagsMutuallyExclusive("check", "dump", "trace", "json", "map", "svg")
	return cmd
}

// boot runs one configuration.
func (f *bootFlags) boot(w io.Writer, path string) error {
	if f.svg != "" {
		if err := wholefile.Probe(f.svg); err != nil {
			return fmt.Errorf("boot: --svg: %w", err)
		}
	}
	got, err := bootFile(path)
	if err != nil {
		return err
	}
	switch {
	case f.drawn || f.svg != "":
		err = draw(w, got, f.svg)
	case f.dump:
		err = golden.Canonical(w, got.Tables)
	case f.trace:
		_, err = got.FullTrace.WriteTo(w)
	case f.json:
		err = got.Write(w)
	default:
		summary(w, got)
	}
	if err == nil && got.Outcome != "ok" {
		err = exitError(exitViolated)
	}
	return err
}

// bootFile boots the configuration in a file, which may be that of a dump.
func bootFile(path string) (*golden.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	c, err := golden.ReadConfig(path, data)
	if err != nil {
		return nil, err
	}
	return record.Run(stem(path), c, record.Options{})
}

// stem is a file's name without folders and endings.
func stem(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".json")
}

func summary(w io.Writer, f *golden.File) {
	reachable, entries := 0, 0
	for _, t := range f.Tables {
		if t.Reachable {
			reachable++
			entries += len(t.Entries)
		}
	}
	fmt.Fprintf(w, "%s: %s %s: %s\n", printable(f.Name), f.Config.Flavour, f.Config.Mode, printable(f.Outcome))
	fmt.Fprintf(w, "  low memory      %#x frames at %#x\n", f.Config.MaxLowPFN, f.Config.PageOffset)
	fmt.Fprintf(w, "  cr4 set         %#x\n", f.CR4Set)
	fmt.Fprintf(w, "  new tables      %d\n", len(f.Bootmem))
	fmt.Fprintf(w, "  tables in use   %d, with %d entries\n", reachable, entries)
	fmt.Fprintf(w, "  hook trace      %d lines, sha256 %s\n", f.FullTrace.Len(), f.Hash.Trace)
	fmt.Fprintf(w, "  tables sha256   %s\n", f.Hash.Tables)
}

// checkBoots recomputes golden dumps and prints how they differ.
func checkBoots(cmd *cobra.Command, paths []string) error {
	files, err := goldenFiles(paths)
	if err != nil {
		return err
	}
	w, t := cmd.OutOrStdout(), newTask(cmd, "boot --check", len(files))
	defer t.done()
	checked, differ := 0, 0
	var failed []error
	for _, path := range files {
		var diffs []golden.Difference
		var err error
		if t.interrupted() || !during(cmd.Context(), func() { diffs, err = checkBoot(path) }) {
			break
		}
		checked++
		t.clear()
		if err != nil {
			failed = append(failed, err) // the others are checked all the same
			continue
		}
		if len(diffs) > 0 {
			differ++
		}
		for _, d := range diffs {
			fmt.Fprintf(w, "%s: %s\n", path, printable(fmt.Sprint(d)))
		}
		t.step(checked, path)
	}
	t.done()
	if checked < len(files) {
		fmt.Fprintf(w, "interrupted: %d of %d checked, %d differ\n", checked, len(files), differ)
		return errors.Join(errors.Join(failed...), partial(differ > 0))
	}
	if len(failed) < len(files) {
		fmt.Fprintf(w, "%d checked, %d differ\n", len(files)-len(failed), differ)
	}
	if differ > 0 {
		failed = append(failed, exitError(exitViolated))
	}
	return errors.Join(failed...)
}

// checkBoot recomputes one golden dump.
func checkBoot(path string) ([]golden.Difference, error) {
	want, err := golden.Read(path)
	if err != nil {
		return nil, err
	}
	got, err := record.Run(want.Name, &want.Config, record.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return golden.Compare(want, got), nil
}

// goldenFiles expands folders to the dumps in them, in order.
func goldenFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		n := len(files)
		err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return fmt.Errorf("boot: %w", err)
			}
			if !d.IsDir() && (p == path || strings.HasSuffix(p, ".json") || strings.HasSuffix(p, ".json.gz")) {
				files = append(files, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(files) == n {
			return nil, fmt.Errorf("boot: %s: no golden dump in this folder", path)
		}
	}
	return files, nil
}
