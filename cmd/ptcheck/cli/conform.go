package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/lab"
	"github.com/ptcheck/ptcheck/traces/xenlab"
)

// conformFlags are the flags of conform xen.
type conformFlags struct {
	ops     int
	seed    uint64
	perBoot int
	workers int
	profile string
	save    string
	rounds  int
}

func newConform() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "conform",
		Short:   "Compare the model with the real thing",
		Example: "  ptcheck conform xen --ops=100000 --seed=42",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConformXen())
	return cmd
}

func newConformXen() *cobra.Command {
	var f conformFlags
	cmd := &cobra.Command{
		Use:   "xen [FILE...]",
		Short: "Compare the model's answers with those of a real Xen in QEMU",
		Long: `conform xen boots the real Xen (Debian's xen-hypervisor-4.17-amd64, unpacked but
not installed, or $PTCHECK_XEN) in QEMU, with a small PV guest of ptcheck's own
as dom0, and has it execute scripts: the given files, or random ones made from
--seed. Every answer is compared with the model's. Differences are shrunk to a
short script and saved.`,
		Example: `  ptcheck conform xen --ops=100000 --seed=42
  ptcheck conform xen my-script.txt`,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: completeFiles("txt", "pt"),
	}
	fl := cmd.Flags()
	fl.IntVar(&f.ops, "ops", 20000, "number of random operations")
	fl.Uint64Var(&f.seed, "seed", 1, "where the random scripts come from")
	fl.IntVar(&f.perBoot, "per-boot", 5000, "operations of one boot")
	fl.IntVar(&f.workers, "workers", 2, "boots at a time")
	fl.StringVar(&f.profile, "profile", "xen-4.17", "the model's rules")
	completeFlag(cmd, "profile", systems.ProfileNames)
	fl.StringVar(&f.save, "save", ".", "folder for scripts with a difference; empty: none")
	fl.IntVar(&f.rounds, "shrink", 40, "boots that shrinking a difference may take; 0: do not shrink")
	return cmd
}

// asked is a script and the name under which it is reported.
type asked struct {
	name   string
	script []byte
}

func (f *conformFlags) run(cmd *cobra.Command, files []string) error {
	profile := systems.FindProfile(f.profile)
	switch {
	case profile == nil:
		return flagValueError("conform", "profile", f.profile, systems.ProfileNames())
	case f.ops < 1 || f.perBoot < 1 || f.workers < 1 || f.rounds < 0:
		return fmt.Errorf("conform: --ops, --per-boot and --workers must be at least 1, --shrink at least 0")
	}
	scripts, err := f.scripts(files)
	if err != nil {
		return err
	}
	c := &conformance{f: f, cmd: cmd, w: cmd.OutOrStdout(), profile: profile}
	t := newTask(cmd, "conform", len(scripts))
	defer t.done()
	if c.tools, err = xenlab.FindXen(cmd.Context()); err != nil && !t.interrupted() {
		return fmt.Errorf("conform: %w", err)
	}
	// As many scripts at a time as there are workers: what has been compared when
	// the run is interrupted counts.
	for batch := range slices.Chunk(scripts, f.workers) {
		if t.interrupted() {
			break
		}
		if err := c.batch(t, batch); err != nil && !t.interrupted() {
			return err
		}
	}
	t.done()
	if c.scripts < len(scripts) {
		fmt.Fprintf(c.w, "interrupted: %d of %d scripts run\n", c.scripts, len(scripts))
	}
	fmt.Fprintf(c.w, "%d of %d answers agree, %d of %d scripts differ (real Xen against %s)\n", c.same, c.all, c.differ, c.scripts, profile.Name)
	switch {
	case c.scripts < len(scripts):
		return partial(c.differ > 0)
	case c.differ > 0:
		return exitError(exitViolated)
	}
	return nil
}

// conformance is a comparison under way.
type conformance struct {
	f       *conformFlags
	cmd     *cobra.Command
	w       io.Writer
	profile *model.Profile
	tools   *xenlab.Tools

	scripts, differ int // compared so far
	same, all       int // answers
}

// batch runs some scripts at the same time and compares their answers.
func (c *conformance) batch(t *task, scripts []asked) error {
	texts := make([][]byte, len(scripts))
	for i := range scripts {
		texts[i] = scripts[i].script
	}
	recs, err := xenlab.RunAll(c.cmd.Context(), texts, c.f.workers, xenlab.Options{Tools: c.tools})
	if err != nil {
		return fmt.Errorf("conform: %w", err)
	}
	for i, rec := range recs {
		d, err := compareAnswers(scripts[i].script, rec.Answers(), c.profile)
		if err != nil {
			return fmt.Errorf("conform: %s: %w", scripts[i].name, err)
		}
		c.same, c.all, c.scripts = c.same+d.same, c.all+d.all, c.scripts+1
		t.step(c.scripts, scripts[i].name)
		if d.first == "" {
			continue
		}
		c.differ++
		t.clear()
		fmt.Fprintf(c.w, "%s: %s\n", scripts[i].name, d.first)
		if c.differ == 1 {
			if err := c.f.shrink(c.cmd.Context(), c.w, scripts[i], c.profile, c.tools); err != nil {
				return err
			}
		}
	}
	return nil
}

// scripts reads the given files or makes random scripts.
func (f *conformFlags) scripts(files []string) ([]asked, error) {
	var out []asked
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("conform: %w", err)
		}
		out = append(out, asked{name, text})
	}
	if len(files) > 0 {
		return out, nil
	}
	// Each boot has a seed of its own; the first has the one that was given.
	for seed, left := f.seed, f.ops; left > 0; seed, left = seed+1, left-f.perBoot {
		n := min(left, f.perBoot)
		out = append(out, asked{fmt.Sprintf("seed %d", seed), xenlab.Generate(seed, n, xenlab.Profile64{})})
	}
	return out, nil
}

// difference is how two lists of answers compare.
type difference struct {
	same, all int
	first     string // the first line that differs, "" if none does
}

// compareAnswers runs a script on the model and compares it with real answers.
func compareAnswers(script []byte, real []string, p *model.Profile) (difference, error) {
	lines, err := lab.Run(lab.Config{Bits: 64, Profile: p}, script)
	if err != nil {
		return difference{}, err
	}
	mine := slices.DeleteFunc(answerLines(lines), func(l string) bool { return l == "END" })
	d := difference{all: len(real)}
	for i, want := range real {
		got := "(nothing)"
		if i < len(mine) {
			got = mine[i]
		}
		if got == want {
			d.same++
		} else if d.first == "" {
			d.first = fmt.Sprintf("real Xen: %s; model: %s", want, got)
		}
	}
	if len(mine) > len(real) && d.first == "" {
		d.first = "the model answers more: " + mine[len(real)]
	}
	return d, nil
}

// shrink makes a short script of one that differs and saves it.
func (f *conformFlags) shrink(ctx context.Context, w io.Writer, a asked, p *model.Profile, tools *xenlab.Tools) error {
	script := a.script
	if f.rounds > 0 {
		small, err := xenlab.Shrink(ctx, a.script, f.rounds, func(ctx context.Context, scripts [][]byte) ([]bool, error) {
			return differing(ctx, scripts, p, tools)
		})
		if err != nil {
			return fmt.Errorf("conform: shrink: %w", err)
		}
		script = small.Script
	}
	for l := range bytes.Lines(script) {
		fmt.Fprintf(w, "    %s", l)
	}
	if f.save == "" {
		return nil
	}
	name := filepath.Join(f.save, "ptcheck-conform-"+strings.ReplaceAll(filepath.Base(a.name), " ", "")+".txt")
	fmt.Fprintf(w, "saved: %s\n", name)
	return wholefile.Write(name, script)
}

// differing tells for which scripts the real Xen and the model differ. A script
// that ends the machine is not what is looked for.
func differing(ctx context.Context, scripts [][]byte, p *model.Profile, tools *xenlab.Tools) ([]bool, error) {
	results, _, err := xenlab.RunBatch(ctx, scripts, xenlab.Options{Tools: tools})
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(scripts))
	for i, r := range results {
		if r.Err != nil {
			continue
		}
		d, err := compareAnswers(scripts[i], r.Recording.Answers(), p)
		if err != nil {
			return nil, err
		}
		out[i] = d.first != ""
	}
	return out, nil
}
