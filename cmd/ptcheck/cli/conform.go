package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
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
	bits    int
	guest   string
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
not installed, or $PTCHECK_XEN) in QEMU, with a small PV guest of ptcheck's own,
and has it execute scripts: the given files, or random ones made from --seed.
Every answer is compared with the model's. Differences are shrunk to a short
script and saved.

The guest is the one that a file says it is for (docs/scenarios.md); random
scripts are for a 64-bit dom0 unless --guest and --bits say otherwise. A domU is
started by a dom0 that serves it. Debian's Xen runs no 32-bit guests. A domU on a
processor with the flaw L1TF is ended, or shadowed by a Xen that can do that: its
answers are compared up to there.`,
		Example: `  ptcheck conform xen --ops=100000 --seed=42
  ptcheck conform xen --guest=domU --ops=100000
  ptcheck conform xen my-script.txt`,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: completeFiles("txt", "pt"),
	}
	fl := cmd.Flags()
	fl.IntVar(&f.ops, "ops", 20000, "number of random operations")
	fl.Uint64Var(&f.seed, "seed", 1, "where the random scripts come from")
	fl.IntVar(&f.perBoot, "per-boot", 5000, "operations of one boot")
	fl.IntVar(&f.workers, "workers", 2, "boots at a time")
	fl.IntVar(&f.bits, "bits", 64, "random scripts: guest of 64 or 32 bits")
	fl.StringVar(&f.guest, "guest", "dom0", "random scripts: kind of guest")
	completeFlag(cmd, "guest", lab.GuestNames)
	fl.StringVar(&f.profile, "profile", "xen-4.17", "the model's rules")
	completeFlag(cmd, "profile", systems.ProfileNames)
	fl.StringVar(&f.save, "save", ".", "folder for scripts with a difference; empty: none")
	fl.IntVar(&f.rounds, "shrink", 40, "boots that shrinking a difference may take; 0: do not shrink")
	return cmd
}

// asked is a script, the name under which it is reported, and its guest.
type asked struct {
	name   string
	script []byte
	guest  lab.Config
}

// options are how the real guest is started.
func (a *asked) options(tools *xenlab.Tools) (xenlab.Options, error) {
	o := xenlab.Options{Tools: tools}
	if a.guest.Guest != model.Dom0 {
		o.SetDomU(a.guest.Guest == model.DomU)
	}
	if a.guest.Bits == 32 {
		o.Width = xenlab.Width32
	}
	if o.DomU && o.Width == xenlab.Width32 {
		return o, fmt.Errorf("conform: %s: a 32-bit domU cannot be started: only dom0 has 32 bits", a.name)
	}
	return o, nil
}

func (f *conformFlags) run(cmd *cobra.Command, files []string) error {
	profile := systems.FindProfile(f.profile)
	switch {
	case profile == nil:
		return flagValueError("conform", "profile", f.profile, systems.ProfileNames())
	case !slices.Contains(lab.GuestNames(), f.guest):
		return flagValueError("conform", "guest", f.guest, lab.GuestNames())
	case f.bits != 32 && f.bits != 64:
		return fmt.Errorf("conform: --bits %d: want 32 or 64", f.bits)
	case len(files) > 0 && (cmd.Flags().Changed("bits") || cmd.Flags().Changed("guest")):
		return fmt.Errorf("conform: --bits and --guest are for random scripts: a file says itself what its guest is")
	case f.ops < 1 || f.perBoot < 1 || f.workers < 1 || f.rounds < 0:
		return fmt.Errorf("conform: --ops, --per-boot and --workers must be at least 1, --shrink at least 0")
	}
	scripts, err := f.scripts(files)
	if err != nil {
		return err
	}
	for i := range scripts { // before anything is looked for
		if _, err := scripts[i].options(nil); err != nil {
			return err
		}
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
	recs, fails, err := c.ask(scripts)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		d, err := compareAnswers(&scripts[i], rec, fails[i], c.profile)
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
		if c.differ == 1 && fails[i] == nil {
			if err := c.f.shrink(c.cmd.Context(), c.w, scripts[i], c.profile, c.tools); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask has the real guests execute scripts, all at the same time. A guest that ends
// before its script is no error.
func (c *conformance) ask(scripts []asked) ([]*xenlab.Recording, []*xenlab.Failure, error) {
	recs, fails, errs := make([]*xenlab.Recording, len(scripts)), make([]*xenlab.Failure, len(scripts)), make([]error, len(scripts))
	var wg sync.WaitGroup
	for i := range scripts {
		o, err := scripts[i].options(c.tools)
		if err != nil {
			return nil, nil, err
		}
		wg.Go(func() {
			recs[i], errs[i] = xenlab.Run(c.cmd.Context(), scripts[i].script, o)
			if errors.As(errs[i], &fails[i]) && fails[i].Kind == xenlab.GuestDied && len(recs[i].Lines) > 0 {
				errs[i] = nil
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, nil, fmt.Errorf("conform: %s: %w", scripts[i].name, err)
		}
	}
	return recs, fails, nil
}

// scripts reads the given files or makes random scripts.
func (f *conformFlags) scripts(files []string) ([]asked, error) {
	var out []asked
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("conform: %w", err)
		}
		file, _ := script.Parse(name, text) // mistakes are answered with "syntax"
		guest, err := lab.ConfigOf(file)
		if err != nil {
			return nil, err
		}
		out = append(out, asked{name, text, guest})
	}
	if len(files) > 0 {
		return out, nil
	}
	guest := lab.Config{Bits: f.bits}
	guest.Guest, _ = model.ParseGuestKind(f.guest) // looked at before
	p := xenlab.Profile{DomU: guest.Guest != model.Dom0, L1TF: guest.Guest == model.DomU}
	p.NoStale = p.DomU // whenever dom0 serves it, the TLB is flushed
	if guest.Bits == 32 {
		p.Width = xenlab.Width32
	}
	// Each boot has a seed of its own; the first has the one that was given.
	for seed, left := f.seed, f.ops; left > 0; seed, left = seed+1, left-f.perBoot {
		n := min(left, f.perBoot)
		out = append(out, asked{fmt.Sprintf("seed %d", seed), guest.Headed(xenlab.Generate(seed, n, p)), guest})
	}
	return out, nil
}

// difference is how two lists of answers compare.
type difference struct {
	same, all int
	first     string // the first line that differs, "" if none does
}

// compareAnswers runs a script on the model and compares it with real answers. Where
// the guest ends counts as an answer.
func compareAnswers(a *asked, rec *xenlab.Recording, died *xenlab.Failure, p *model.Profile) (difference, error) {
	guest := a.guest
	guest.Profile = p
	play, err := lab.Run(guest, a.script)
	if err != nil {
		return difference{}, err
	}
	mine, real := slices.DeleteFunc(answerLines(play.Lines), func(l string) bool { return l == "END" }), rec.Answers()
	if play.End != nil && died == nil && rec.L1TF != "" {
		// Xen shadows the guest instead of ending it: from there on its answers are
		// others.
		real = real[:min(len(real), len(mine))]
	}
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
	return d.ends(play.End, rec, died), nil
}

// ends compares how the guests ended.
func (d difference) ends(end *systems.End, rec *xenlab.Recording, died *xenlab.Failure) difference {
	real := rec.L1TF
	if died != nil {
		real = died.Error()
	}
	if end == nil && real == "" {
		return d
	}
	d.all++
	switch {
	case end != nil && real != "":
		d.same++
	case d.first != "":
	case end == nil:
		d.first = fmt.Sprintf("the real guest has ended: %s; that of the model has not", real)
	default:
		d.first = fmt.Sprintf("the model's guest ends at line %d: %s; the real one does not", end.Line, end.Why)
	}
	return d
}

// shrink makes a short script of one that differs and saves it.
func (f *conformFlags) shrink(ctx context.Context, w io.Writer, a asked, p *model.Profile, tools *xenlab.Tools) error {
	text := a.script
	if f.rounds > 0 {
		small, err := xenlab.Shrink(ctx, a.script, f.rounds, func(ctx context.Context, scripts [][]byte) ([]bool, error) {
			return differing(ctx, &a, scripts, p, tools)
		})
		if err != nil {
			return fmt.Errorf("conform: shrink: %w", err)
		}
		text = a.guest.Headed(small.Script)
	}
	for l := range bytes.Lines(text) {
		fmt.Fprintf(w, "    %s", l)
	}
	if f.save == "" {
		return nil
	}
	name := filepath.Join(f.save, "ptcheck-conform-"+strings.ReplaceAll(filepath.Base(a.name), " ", "")+".txt")
	fmt.Fprintf(w, "saved: %s\n", name)
	return wholefile.Write(name, text)
}

// differing tells for which scripts, of the guest of another one, the real Xen and the
// model differ. A script that ends the machine is not what is looked for.
func differing(ctx context.Context, of *asked, scripts [][]byte, p *model.Profile, tools *xenlab.Tools) ([]bool, error) {
	o, err := of.options(tools)
	if err != nil {
		return nil, err
	}
	results, _, err := xenlab.RunBatch(ctx, scripts, o)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(scripts))
	for i, r := range results {
		if r.Err != nil {
			continue
		}
		d, err := compareAnswers(&asked{of.name, scripts[i], of.guest}, r.Recording, nil, p)
		if err != nil {
			return nil, err
		}
		out[i] = d.first != ""
	}
	return out, nil
}
