package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/machines"
	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/systems/guests"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// driveFlags are the flags of drive.
type driveFlags struct {
	cases   int
	time    time.Duration
	seed    uint64
	workers int
	tries   int
	runner  string
	library string
	symbols string
	stop    string
	save    string
	record  string
	mutant  string
	timeout time.Duration
	xen     string
	refuse  bool
	memory  int
	cmdline string
}

func newDrive() *cobra.Command {
	var f driveFlags
	cmd := &cobra.Command{
		Use:   "drive KERNEL [MACHINE...]",
		Short: "Run a real kernel's own code on many machines and judge its tables",
		Long: `drive boots a kernel's machine code, up to the end of its page-table construction,
on machines that it draws: memory maps with holes and odd ends, processors with
and without large pages, global pages, no-execute, five levels, command lines.
Every store to a table is judged by the rules for recordings, and the direct map
in the end is held against the memory map. A machine on which something is wrong
is made small and saved as a file.

Given files of machines, it boots on those alone, and compares what comes of it
with what they say.

With --xen the kernel is a paravirtual guest of ptcheck's own model hypervisor,
which answers each hypercall, up to the end of the boot's page tables; --refuse
boots once more for each place in the kernel that asks for something about tables
or memory, and each answer that says no, and tells what the kernel makes of it.

The code runs in an emulator behind a pipe: the program ptcheck-run, which is
built from cmd/ptcheck-run and has a licence of its own (docs/driven.md).`,
		Example: `  ptcheck drive vmlinuz --cases=1000
  ptcheck drive vmlinuz ptcheck-machine-holes-unmapped.txt
  ptcheck drive vmlinuz --mutant=K03 --cases=50
  ptcheck drive vmlinuz --xen=dom0 --refuse`,
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1:]) },
		ValidArgsFunction: completeFiles("txt"),
	}
	fl := cmd.Flags()
	fl.IntVar(&f.cases, "cases", 100, "number of machines, 0: as many as there is --time for; with --refuse, of refusals (default: all)")
	fl.DurationVar(&f.time, "time", 0, "end after this time; 0: when all cases are through")
	fl.Uint64Var(&f.seed, "seed", 1, "where the machines come from")
	fl.IntVar(&f.workers, "workers", 2, "runners at a time")
	fl.IntVar(&f.tries, "shrink", 300, "machines that making one small may take")
	fl.StringVar(&f.runner, "runner", "", "the program ptcheck-run (default: $PTCHECK_RUNNER, beside ptcheck, or in the path)")
	fl.StringVar(&f.library, "library", "", "libunicorn 2.1 or newer (default: $PTCHECK_UNICORN, or the system's)")
	fl.StringVar(&f.symbols, "symbols", "", "System.map of a kernel that has no symbols itself")
	fl.StringVar(&f.stop, "stop", "", "function at which runs end (default: free_area_init)")
	fl.StringVar(&f.save, "save", ".", "folder for machines on which something is wrong; empty: none")
	fl.StringVar(&f.record, "record", "", "also save the recording of each given machine, or of the guest, in this folder")
	fl.StringVar(&f.mutant, "mutant", "", "plant this change of the kernel's code first, or \"all\", one after the other")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Minute, "time that a case may take, which is a second or less on an idle machine")
	fl.StringVar(&f.xen, "xen", "", "boot as a guest of the model hypervisor: dom0, domU, domU-nol1tf")
	fl.BoolVar(&f.refuse, "refuse", false, "with --xen: refuse each request once, in a boot of its own")
	fl.IntVar(&f.memory, "memory", 256, "with --xen: the guest's memory in MiB")
	fl.StringVar(&f.cmdline, "cmdline", guestCmdline, "with --xen: the guest's command line")
	completeFlag(cmd, "xen", func() []string { return xenKinds })
	return cmd
}

// environment of the runner and of the emulator's library.
const (
	runnerVariable  = "PTCHECK_RUNNER"
	libraryVariable = "PTCHECK_UNICORN"
)

func (f *driveFlags) run(cmd *cobra.Command, file string, files []string) error {
	switch {
	case f.cases < 0 || f.workers < 1 || f.tries < 0 || f.time < 0 || f.timeout <= 0:
		return errors.New("drive: --workers and --timeout must be above 0, --cases, --time and --shrink at least 0")
	case f.cases == 0 && f.time == 0:
		return errors.New("drive: without --cases there must be a --time")
	case f.xen != "" && len(files) > 0:
		return errors.New("drive: --xen boots a guest on a machine of its own: it goes with no files of machines")
	case f.xen != "" && (f.memory < guests.LeastPages>>8 || f.memory > guests.MostPages>>8):
		return fmt.Errorf("drive: --memory=%d: a guest has %d to %d MiB", f.memory, guests.LeastPages>>8, guests.MostPages>>8)
	case f.xen == "" && f.refuse:
		return errors.New("drive: --refuse needs --xen: on bare metal nobody refuses")
	}
	options := machines.Options{Runner: f.findRunner(), Library: f.library, Timeout: f.timeout, Stop: f.stop}
	if options.Library == "" {
		options.Library = os.Getenv(libraryVariable)
	}
	k, err := emulator.Open(file, f.symbols)
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	d := &drive{f: f, cmd: cmd, w: cmd.OutOrStdout(), k: k, o: options}
	switch {
	case f.xen != "":
		return d.guest()
	case f.mutant == "all":
		return d.mutants()
	case f.mutant != "":
		if d.k, err = machines.Plant(k, f.mutant); err != nil {
			return fmt.Errorf("drive: %w", err)
		}
	}
	if len(files) > 0 {
		return d.replay(files)
	}
	return d.search()
}

// findRunner is the path of the runner.
func (f *driveFlags) findRunner() string {
	if f.runner != "" {
		return f.runner
	}
	if v := os.Getenv(runnerVariable); v != "" {
		return v
	}
	const name = "ptcheck-run"
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return name
}

// drive is a run of the command.
type drive struct {
	f   *driveFlags
	cmd *cobra.Command
	w   io.Writer
	k   *emulator.Kernel
	o   machines.Options
}

// search tries drawn machines.
func (d *drive) search() error {
	s := &machines.Search{Kernel: d.k, Options: d.o, Seed: d.f.seed, Cases: d.f.cases, Time: d.f.time, Workers: d.f.workers, Tries: d.f.tries}
	t := newTask(d.cmd, "drive", d.f.cases)
	defer t.done()
	var failed error
	tally, err := s.Run(d.cmd.Context(), func(x machines.Finding) {
		t.clear()
		failed = errors.Join(failed, d.tell(&x))
	}, func(p machines.Progress) {
		t.step(p.Cases, fmt.Sprintf("%.0f a minute, %d outcomes, %d findings", p.Rate(), p.Distinct, p.Found))
	})
	t.done()
	if err != nil && !t.interrupted() {
		return fmt.Errorf("drive: %w", err)
	}
	d.summary(tally)
	switch {
	case failed != nil:
		return failed
	case len(tally.Broken) > 0:
		return exitError(exitViolated)
	case tally.Deaths > 0:
		return exitError(exitUsage)
	case t.interrupted():
		return exitError(exitStopped)
	}
	return nil
}

// tell prints a finding and saves its machine.
func (d *drive) tell(x *machines.Finding) error {
	fmt.Fprintf(d.w, "machine %d: %s: %s\n", x.Case, x.Problem.Rule, printable(x.Problem.Detail))
	file := machines.FileOf(x, d.k, d.f.stop)
	file.Mutant = d.planted()
	if x.Tries > 0 {
		fmt.Fprintf(d.w, "  made small by %d tries\n", x.Tries)
	}
	for l := range bytes.Lines(x.Machine.AppendText(nil)) {
		fmt.Fprintf(d.w, "    %s", l)
	}
	if d.f.save == "" {
		return nil
	}
	name := filepath.Join(d.f.save, fmt.Sprintf("ptcheck-machine-%s-%d.txt", x.Problem.Rule, x.Case))
	if err := wholefile.Write(name, file.Text()); err != nil {
		return fmt.Errorf("drive: the machine is not saved: %w", err)
	}
	fmt.Fprintf(d.w, "  saved: %s\n", name)
	return nil
}

func (d *drive) planted() string {
	if d.f.mutant == "all" {
		return ""
	}
	return d.f.mutant
}

// summary prints what a search came across.
func (d *drive) summary(t *machines.Tally) {
	fmt.Fprintf(d.w, "%s: %d machines, %d different outcomes, %.0f a minute\n", d.kernel(), t.Cases, t.Distinct, t.Rate())
	for _, list := range []struct {
		what string
		n    map[string]int
	}{{"broken", t.Broken}, {"known", t.Known}, {"ended early", t.Ends}} {
		for _, name := range slices.Sorted(maps.Keys(list.n)) {
			fmt.Fprintf(d.w, "  %s: %s, on %d machines\n", list.what, printable(name), list.n[name])
		}
	}
	if t.Deaths > 0 {
		fmt.Fprintf(d.w, "  %d runners died: no verdict on their machines\n", t.Deaths)
	}
}

// kernel is what the kernel is called.
func (d *drive) kernel() string {
	name := d.k.Release()
	if name == "" {
		name = "a kernel that says no version"
	}
	if m := d.planted(); m != "" {
		name += " with " + m
	}
	return name
}

// replay boots on given machines.
func (d *drive) replay(names []string) error {
	sub := map[string]*machines.Subject{} // by mutant and stop
	defer func() {
		for _, s := range sub {
			s.Close()
		}
	}()
	code := exitHolds
	for _, name := range names {
		text, err := readInput(d.cmd.Context(), name, d.cmd.InOrStdin())
		if err != nil {
			return fmt.Errorf("drive: %w", err)
		}
		file, err := machines.ReadFile(name, bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("drive: %w", err)
		}
		if file.SHA256 != "" && file.SHA256 != d.k.SHA256 {
			file.Digest = "" // of another kernel: what is broken may be the same
		}
		ok, err := d.replayOne(name, file, sub)
		if err != nil {
			return fmt.Errorf("drive: %s: %w", name, err)
		}
		if !ok {
			code = exitViolated
		}
	}
	if code != exitHolds {
		return exitError(code)
	}
	return nil
}

func (d *drive) replayOne(name string, file *machines.File, sub map[string]*machines.Subject) (bool, error) {
	s, err := d.subject(file, sub)
	if err != nil {
		return false, err
	}
	o, err := s.Try(&file.Machine)
	if err != nil {
		return false, err
	}
	if d.f.record != "" {
		if err := saveRecording(filepath.Join(d.f.record, filepath.Base(name)+".rec.gz"), o); err != nil {
			return false, err
		}
	}
	verdict := file.Replay(o)
	if verdict == nil {
		fmt.Fprintf(d.w, "ok    %s: %s\n", name, orHolds(o.Broken()))
		return true, nil
	}
	fmt.Fprintf(d.w, "FAIL  %s: %v\n", name, verdict)
	for _, p := range o.Problems {
		fmt.Fprintf(d.w, "  %s: %s\n", p.Rule, printable(p.Detail))
	}
	return false, nil
}

func orHolds(broken []string) string {
	if len(broken) == 0 {
		return "holds"
	}
	return fmt.Sprintf("broken as it must be: %v", broken)
}

// subject is a runner with the kernel that a file asks for.
func (d *drive) subject(file *machines.File, sub map[string]*machines.Subject) (*machines.Subject, error) {
	key := file.Mutant + " " + file.Stop
	if s := sub[key]; s != nil {
		return s, nil
	}
	k, o := d.k, d.o
	if file.Mutant != "" && file.Mutant != d.f.mutant {
		var err error
		if k, err = machines.Plant(d.k, file.Mutant); err != nil {
			return nil, err
		}
	}
	if file.Stop != "" {
		o.Stop = file.Stop
	}
	s, err := machines.Start(d.cmd.Context(), k, o)
	if err == nil {
		sub[key] = s
	}
	return s, err
}

// saveRecording saves the recording of a run.
func saveRecording(name string, o *machines.Outcome) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(o.Recording.Write(z), z.Close()); err != nil {
		return err
	}
	return wholefile.Write(name, b.Bytes())
}

// mutants plants every change of the kernel's code that fits it, one after the other.
func (d *drive) mutants() error {
	missed, fitting := 0, 0
	for _, m := range machines.Mutants() {
		switch r, err := m.Try(d.cmd.Context(), d.k, d.o, d.f.seed, d.f.cases); {
		case errors.Is(err, machines.ErrNoPlace):
			fmt.Fprintf(d.w, "-      %s: %v\n", m.ID, err)
		case errors.Is(err, context.Canceled):
			return exitError(exitStopped)
		case err != nil:
			return fmt.Errorf("drive: %s: %w", m.ID, err)
		case !r.Caught:
			fitting++
			missed++
			fmt.Fprintf(d.w, "MISSED %s: %s; %s\n", m.ID, m.Bug, r.Instead)
		default:
			fitting++
			fmt.Fprintf(d.w, "caught %s by %s on machine %d: %s\n", m.ID, r.Rule, r.Machine, printable(r.Detail))
		}
	}
	fmt.Fprintf(d.w, "%s: %d of %d changes caught\n", d.kernel(), fitting-missed, fitting)
	if missed > 0 {
		return exitError(exitViolated)
	}
	return nil
}
