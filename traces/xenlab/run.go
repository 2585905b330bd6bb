package xenlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Options say how to run a script. The zero value will do.
type Options struct {
	Tools   *Tools // nil: whatever FindXen finds
	Width   Width
	DomU    bool          // the guest is not dom0, but a domain that dom0 starts
	Timeout time.Duration // of one boot; 0: one minute
	CPU     string        // QEMU's CPU model; "": qemu64, of which no flaw is known
	XenArgs string        // more arguments for Xen
}

// SetDomU makes the guest a domain without privileges, on a processor with the flaw
// L1TF or without it.
func (o *Options) SetDomU(l1tf bool) {
	if o.DomU = true; l1tf {
		// Of this processor's address bits QEMU shows 40. It has other flaws, too; what
		// Xen does about one of them flushes the TLB at every hypercall.
		o.CPU, o.XenArgs = "Haswell", "xpti=no"
	}
}

// Run boots Xen with the guest, has it execute a script and returns what it
// answered. If the script's end is not reached the error is a *Failure and the
// recording holds the answers until then.
func Run(ctx context.Context, script []byte, o Options) (*Recording, error) {
	guest, err := o.prepare(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ptcheck-oracle-*")
	if err != nil {
		return nil, fmt.Errorf("oracle: run: %w", err)
	}
	defer os.RemoveAll(dir)
	// QEMU cuts its -initrd argument at blanks and commas: short names.
	err = errors.Join(
		os.Symlink(guest, filepath.Join(dir, "guest")),
		os.Symlink(o.Tools.Xen, filepath.Join(dir, "xen")),
		os.WriteFile(filepath.Join(dir, "script"), script, 0o600))
	if err != nil {
		return nil, fmt.Errorf("oracle: run: %w", err)
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	for try := 0; ; try++ {
		rec, err := boot(ctx, dir, timeout, qemuArgs(len(script), o), o.Tools.QEMU)
		var failure *Failure
		if errors.As(err, &failure) && failure.Kind == No32 {
			return rec, &MissingError{[]Missing{{"32-bit guest", o.Tools.Xen + " does not run any: it was built without CONFIG_PV32, as Debian's is",
				"set " + XenEnv + " to a Xen that was built with it"}}}
		}
		if errors.As(err, &failure) && failure.Kind == Garbled && try == 0 {
			continue // a busy machine; the next time may be better
		}
		return rec, err
	}
}

// prepare finds the tools, if need be, and builds the guest.
func (o *Options) prepare(ctx context.Context) (guest string, err error) {
	if o.Tools == nil {
		if o.Tools, err = FindXen(ctx); err != nil {
			return "", err
		}
	}
	return Build(ctx, o.Tools, o.Width)
}

// qemuArgs returns QEMU's arguments. The memory, and with it the numbers of
// machine frames, is that of the recordings; only for scripts that do not fit
// into dom0's initial region it grows.
func qemuArgs(script int, o Options) []string {
	const mib = 1 << 20
	dom0, rest := 16, 112
	if script > 4*mib {
		dom0 += 2 * script / mib
	}
	cpu := o.CPU
	if cpu == "" {
		cpu = "qemu64"
	}
	modules := "guest"
	if o.DomU {
		modules, rest = "guest domU", rest+dom0-16 // it has as much as dom0
	}
	if script > 0 {
		modules += ",script"
	}
	xen := fmt.Sprintf("com1=115200,8n1 console=com1 dom0_mem=%dM %s", dom0, o.XenArgs)
	return []string{
		"-accel", "tcg", "-cpu", cpu, "-m", fmt.Sprint(rest + dom0), "-no-reboot",
		"-display", "none", "-monitor", "none", "-serial", "file:" + consoleFile, "-net", "none",
		"-kernel", "xen", "-append", xen, "-initrd", modules,
	}
}

// consoleFile is where QEMU writes what Xen sends over the serial line. A pipe
// would do for less output, but Xen drops what is not taken at once.
const consoleFile = "console"

// boot starts a machine in a folder and listens until it stops.
func boot(ctx context.Context, dir string, timeout time.Duration, args []string, qemu string) (*Recording, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := os.Create(filepath.Join(dir, consoleFile))
	if err != nil {
		return nil, fmt.Errorf("oracle: run: %w", err)
	}
	defer out.Close()
	stderr := new(tail)
	cmd := exec.CommandContext(limited, qemu, args...)
	cmd.Dir, cmd.Stderr = dir, stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("oracle: run: %w", err)
	}
	stopped := make(chan struct{})
	var waitErr error
	go func() {
		defer close(stopped)
		waitErr = cmd.Wait()
	}()
	c := &console{clock: func() time.Duration { return time.Since(start) }}
	c.listen(&follower{file: out, stopped: stopped})
	if c.failure != nil || c.oops != nil {
		cmd.Process.Kill() // it would wait, or boot again
	}
	<-stopped
	c.rec.Timing.Total = time.Since(start)
	if ctx.Err() != nil {
		return &c.rec, fmt.Errorf("oracle: run: %w", ctx.Err())
	}
	return &c.rec, c.verdict(limited.Err() != nil, stderr.describe(waitErr))
}

// verdict says whether the machine has come to a good end.
func (c *console) verdict(late bool, reason string) error {
	switch {
	case c.oops != nil:
		return fmt.Errorf("oracle: run: read the console: %w", c.oops)
	case c.failure != nil:
		c.failure.After = c.rec.last()
		return c.failure
	case c.ended:
		return nil
	case late:
		return &Failure{Kind: TimedOut, After: c.rec.last()}
	case !c.started:
		return &Failure{Kind: NoStart, Detail: reason}
	}
	return &Failure{Kind: GuestDied, Detail: reason, After: c.rec.last()}
}

// A follower reads a file that grows until a machine has stopped.
type follower struct {
	file    io.Reader
	stopped <-chan struct{}
}

// Read waits for more at the end of the file, as long as there may be more.
func (f *follower) Read(p []byte) (int, error) {
	for last := false; ; {
		n, err := f.file.Read(p)
		if n > 0 || err != io.EOF || last {
			return n, err
		}
		select {
		case <-f.stopped:
			last = true // what was written before is there now
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// A tail keeps the last part of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if n := len(t.text); n > 4096 {
		t.text = append(t.text[:0], t.text[n-4096:]...)
	}
	return len(p), nil
}

func (t *tail) describe(err error) string {
	switch text := string(lastLine(t.text)); {
	case text != "":
		return "QEMU: " + text
	case err != nil:
		return "QEMU: " + err.Error()
	}
	return "the machine stopped"
}
