package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/kernel/recorder"
)

// watchFlags are the flags of watch.
type watchFlags struct {
	machine recorder.Machine
	memory  string
	record  string
	options recorder.Options
	report  reportFlags
}

func newWatch() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch KERNEL",
		Short: "Boot a real kernel in QEMU and judge its page tables",
		Long: `watch boots an unmodified kernel (a bzImage as in /boot, or a vmlinux) in QEMU,
records every store to a page table, load of a root, flush and hypercall, and
judges the recording as judge does. A kernel's file is all it needs: the first
process comes with ptcheck. It makes some processes, which map memory and go,
and ends the machine.

With --xen the kernel is dom0 of a real Xen, such as Debian's
xen-hypervisor-4.17-amd64. A machine with one processor has a clock that counts
instructions, so that two boots are the same: the first learns which frames
become tables, and the recording has the stores from before they do. Two
recordings of the same machine are the same to the byte.

It needs qemu-system-x86_64 6.2 or later (or $PTCHECK_QEMU) and, the first time, a
C compiler. Debian's kernels are had by

  apt-get download linux-image-6.1.0-56-amd64
  dpkg-deb --fsys-tarfile linux-image-*.deb | tar -xf - --wildcards './boot/vmlinuz*'
  ptcheck watch boot/vmlinuz-*

and those of i386 as docs/recordings.md tells.`,
		Example: `  ptcheck watch /boot/vmlinuz-6.1.0-56-amd64
  ptcheck watch --record boot.rec.gz --cpu Skylake-Client vmlinuz
  ptcheck watch --xen xen-4.17-amd64.gz --memory 512M vmlinuz`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.machine.Initrd, "initrd", "", "boot with this initial ramdisk, not with ptcheck's own")
	fl.StringVar(&f.machine.Append, "append", "", "more of the kernel's command line")
	fl.StringVar(&f.machine.CPU, "cpu", "qemu64", "QEMU's name of the processor")
	fl.StringVar(&f.memory, "memory", "", "size of the machine's memory, as 256M or 4G (default 256M, with --xen 512M)")
	fl.IntVar(&f.machine.SMP, "smp", 1, "number of processors, up to 16")
	fl.StringVar(&f.machine.Xen, "xen", "", "boot the kernel as dom0 of this Xen")
	fl.StringVar(&f.machine.XenArgs, "xen-append", "", "more of Xen's command line")
	fl.StringVar(&f.record, "record", "", "keep the recording in this file")
	fl.StringVar(&f.options.VMLinux, "vmlinux", "", "the kernel with debug data: findings have lines of the source then")
	fl.DurationVar(&f.options.Timeout, "timeout", 10*time.Minute, "end a boot that takes longer, and judge what there is")
	f.report.register(fl)
	completeFlag(cmd, "format", formatNames)
	return cmd
}

func (f *watchFlags) run(cmd *cobra.Command, kernel string) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	f.machine.Kernel = kernel
	path := f.record
	if path == "" {
		dir, err := os.MkdirTemp("", "ptcheck-recording-*")
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "recording")
	}
	t := newTask(cmd, "watch", 2)
	defer t.done()
	phases := 0
	f.options.Phase = func(what string) {
		t.step(phases, what)
		phases++
	}
	boot, err := recorder.Record(cmd.Context(), f.machine, path, f.options)
	if errors.Is(err, context.Canceled) {
		return exitError(exitStopped)
	} else if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	t.clear()
	return f.judge(cmd, boot, path)
}

// judge judges the recording, which is in a file.
func (f *watchFlags) judge(cmd *cobra.Command, boot *recorder.Boot, path string) error {
	name := filepath.Base(f.machine.Kernel)
	if f.record != "" {
		name = f.record
	}
	var j *recorded.Judgement
	var err error
	if !during(cmd.Context(), func() {
		j, err = recorded.Judge(name, func() (io.ReadCloser, error) { return os.Open(path) })
	}) {
		return exitError(exitStopped)
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if f.report.format == "" {
		fmt.Fprintln(out, printable("boot: "+boot.Ended))
		err = printJudgement(out, j)
	}
	code := exitOfJudgement(j)
	if boot.Ended != recorder.Restarted {
		code = worse(code, exitStopped)
	}
	err = errors.Join(err, f.report.write(out, []reports.Run{j.Run()}))
	if code != exitHolds {
		err = errors.Join(err, exitError(code))
	}
	return err
}

// Bounds of machines that are watched.
const (
	minWatched = 16 * recorder.MiB
	maxWatched = 64 * recorder.GiB
	maxSMP     = 16
)

// check looks at what was asked for before anything takes long.
func (f *watchFlags) check() error {
	if f.memory == "" {
		f.memory = "256M"
		if f.machine.Xen != "" {
			f.memory = "512M"
		}
	}
	var err error
	if f.machine.Memory, err = parseSize(f.memory); err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	switch {
	case f.machine.Memory < minWatched || f.machine.Memory > maxWatched || f.machine.Memory%recorder.MiB != 0:
		return fmt.Errorf("--memory: %s: want whole MiB from 16M to 64G", f.memory)
	case f.machine.SMP < 1 || f.machine.SMP > maxSMP:
		return fmt.Errorf("--smp: %d: want 1 to %d", f.machine.SMP, maxSMP)
	case strings.ContainsAny(f.machine.CPU, " \n"):
		return fmt.Errorf("--cpu: %q is no name of a processor", f.machine.CPU)
	case f.options.Timeout <= 0:
		return errors.New("--timeout: want more than nothing")
	}
	if f.record != "" {
		if err := wholefile.Probe(f.record); err != nil {
			return fmt.Errorf("--record: %w", err)
		}
	}
	return f.report.check(false)
}

// parseSize reads a size in bytes, MiB (M) or GiB (G).
func parseSize(s string) (uint64, error) {
	unit := uint64(1)
	digits := s
	switch {
	case strings.HasSuffix(s, "M"):
		unit, digits = recorder.MiB, s[:len(s)-1]
	case strings.HasSuffix(s, "G"):
		unit, digits = recorder.GiB, s[:len(s)-1]
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return 0, fmt.Errorf("%q: want a number with M or G", s)
	}
	return n * unit, nil
}
