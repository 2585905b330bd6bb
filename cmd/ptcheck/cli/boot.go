package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/traces/bootlog"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/golden/record"
	"github.com/ptcheck/ptcheck/traces/pagemap"
)

// bootFlags are the flags of boot.
type bootFlags struct {
	check, dump, trace, json, drawn, schema bool
	svg, memory, example                    string
}

func newBoot() *cobra.Command {
	var f bootFlags
	cmd := &cobra.Command{
		Use:   "boot [CONFIG.json] | --check FILE...",
		Short: "Boot a configuration at real size, or check recorded boots",
		Long: `boot runs the boot code at real size on one configuration (a config object, or
a golden dump, whose config is used) and prints a summary or what a flag asks
for; the exit code is 1 if the kernel died. --map and --svg draw what its tables
map: ranges that look alike, holes, shared tables, table pages by level. With
--check it recomputes golden dumps, plain or .gz, files or folders, and prints
every difference.

Every key of a configuration has a default; --example prints one with all of
them, and docs/boot.md and --schema say what they mean. --memory takes what is
known of a real machine: the log of a boot with its BIOS-e820 lines, or
/proc/iomem; what CONFIG.json says counts more, and it may then be left out. The
log's init_memory_mapping lines are compared with the boot below the summary; the
exit code is 1 if not the same is mapped.`,
		Example: `  ptcheck boot --example xen >config.json
  ptcheck boot config.json
  ptcheck boot --dump config.json
  ptcheck boot --map config.json
  ptcheck boot --svg tables.svg config.json
  ptcheck boot --memory dmesg.txt
  ptcheck boot --check testdata/goldens`,
		ValidArgsFunction: completeFiles("json", "gz"),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.check, "check", false, "recompute golden dumps and compare")
	fl.BoolVar(&f.dump, "dump", false, "print the tables in canonical text")
	fl.BoolVar(&f.trace, "trace", false, "print the hook trace")
	fl.BoolVar(&f.json, "json", false, "print the golden object")
	fl.BoolVar(&f.drawn, "map", false, "print what the tables map: ranges, holes, sharing, table pages")
	fl.StringVar(&f.svg, "svg", "", "draw the same as a picture into this file")
	fl.StringVar(&f.memory, "memory", "", "the machine's memory: the log of a boot, or /proc/iomem")
	fl.StringVar(&f.example, "example", "", "print a whole configuration: native or xen")
	fl.BoolVar(&f.schema, "schema", false, "print the JSON schema of configurations")
	completeFlag(cmd, "example", flavours)
	cmd.MarkFlagsMutuallyExclusive("check", "dump", "trace", "json", "map", "svg", "example", "schema")
	cmd.MarkFlagsMutuallyExclusive("check", "memory")
	cmd.MarkFlagsMutuallyExclusive("schema", "memory")
	return cmd
}

// flavours are the kernels of which there is an example.
func flavours() []string { return []string{string(golden.Native), string(golden.Xen)} }

func (f *bootFlags) run(cmd *cobra.Command, args []string) error {
	switch {
	case f.check && len(args) == 0:
		return fmt.Errorf("boot: --check wants the dumps to check")
	case f.check:
		return checkBoots(cmd, args)
	case (f.schema || cmd.Flags().Changed("example")) && len(args) > 0:
		return fmt.Errorf("boot: --schema and --example read no configuration")
	case f.schema:
		return golden.WriteSchema(cmd.OutOrStdout())
	case cmd.Flags().Changed("example"):
		return f.printExample(cmd.OutOrStdout())
	case len(args) > 1:
		return fmt.Errorf("boot: want one configuration, got %d; --check takes several", len(args))
	case len(args) == 0 && f.memory == "":
		return fmt.Errorf("boot: want a configuration, which --example prints, or --memory; usage: %s", cmd.UseLine())
	}
	var err error
	if !during(cmd.Context(), func() { err = f.boot(cmd.OutOrStdout(), args) }) {
		return exitError(exitStopped)
	}
	return err
}

// printExample prints a whole configuration.
func (f *bootFlags) printExample(w io.Writer) error {
	if !slices.Contains(flavours(), f.example) {
		return flagValueError("boot", "example", f.example, flavours())
	}
	_, machine, err := f.readMemory()
	if err != nil {
		return err
	}
	c, err := golden.ReadConfigOn("--example", fmt.Appendf(nil, `{"flavour": %q}`, f.example), machine)
	if err != nil {
		return err
	}
	return c.WriteExample(w)
}

// readMemory reads what is known of a machine's memory; nil for nothing.
func (f *bootFlags) readMemory() (*bootlog.Log, golden.Machine, error) {
	if f.memory == "" {
		return nil, golden.Machine{}, nil
	}
	l, err := bootlog.Open(f.memory)
	if err != nil {
		return nil, golden.Machine{}, fmt.Errorf("boot: --memory: %w", err)
	}
	return l, l.Machine(), nil
}

// boot runs one configuration, that of the file or that of the machine's memory.
func (f *bootFlags) boot(w io.Writer, args []string) error {
	if f.svg != "" {
		if err := wholefile.Probe(f.svg); err != nil {
			return fmt.Errorf("boot: --svg: %w", err)
		}
	}
	seen, machine, err := f.readMemory()
	if err != nil {
		return err
	}
	path, data := f.memory, []byte("{}")
	if len(args) > 0 {
		path = args[0]
		if data, err = os.ReadFile(path); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
	}
	got, err := bootConfig(path, data, machine)
	if err != nil {
		return err
	}
	if err := f.tell(w, got); err != nil {
		return err
	}
	same := true
	if seen != nil && len(seen.Mappings) > 0 && !f.asks() {
		if same, err = compareMapping(w, seen, got); err != nil {
			return err
		}
	}
	if got.Outcome != "ok" || !same {
		return exitError(exitViolated)
	}
	return nil
}

// asks reports whether a flag asks for something else than the summary.
func (f *bootFlags) asks() bool { return f.drawn || f.svg != "" || f.dump || f.trace || f.json }

// tell prints what a flag asks for.
func (f *bootFlags) tell(w io.Writer, got *golden.File) error {
	switch {
	case f.drawn || f.svg != "":
		return draw(w, got, f.svg)
	case f.dump:
		return golden.Canonical(w, got.Tables)
	case f.trace:
		_, err := got.FullTrace.WriteTo(w)
		return err
	case f.json:
		return got.Write(w)
	}
	summary(w, got)
	return nil
}

// compareMapping compares the direct mapping of a log with that of a boot, and tells it.
func compareMapping(w io.Writer, seen *bootlog.Log, got *golden.File) (same bool, err error) {
	m, err := pagemap.Of(got)
	if err != nil {
		return false, err
	}
	c := &got.Config
	return seen.WriteDifferences(w, seen.Compare(m, c.PageOffset, c.MaxLowPFN), c.MaxLowPFN)
}

// bootFile boots the configuration in a file, which may be that of a dump.
func bootFile(path string) (*golden.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	return bootConfig(path, data, golden.Machine{})
}

// bootConfig boots a configuration on what is known of its machine.
func bootConfig(path string, data []byte, m golden.Machine) (*golden.File, error) {
	c, err := golden.ReadConfigOn(path, data, m)
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
