package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// run boots the machine in a folder, until it ends or its time is up; late says which. What
// the plugin records goes to record, if that is not nil.
func (r *run) boot(ctx context.Context, plugin []string, record io.Writer) (late bool, err error) {
	// The console and what was learned are files of this boot alone.
	if err := os.WriteFile(inDir(r.dir, consoleFile), nil, 0o600); err != nil {
		return false, fmt.Errorf("recorder: boot: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, r.qemu.Path, r.machine.arguments(plugin)...)
	cmd.Dir = r.dir
	stderr := &tail{}
	cmd.Stderr = stderr
	// QEMU ends well when asked to, and the plugin writes its totals then; on Ctrl-C there is
	// no need for that.
	cmd.Cancel = func() error {
		if ctx.Err() != nil {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(terminate)
	}
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = dieWithUs()
	err = withPipe(cmd, record)
	r.used += cpuTime(cmd)
	switch {
	case ctx.Err() != nil:
		return false, fmt.Errorf("recorder: boot: %w", ctx.Err())
	case limited.Err() != nil:
		return true, nil
	case err != nil:
		return false, r.explain(stderr.String(), err)
	}
	return false, nil
}

// withPipe runs a program whose third file is a pipe, and copies what comes out of it. The
// thread stays the same: the program ends with the thread that started it.
func withPipe(cmd *exec.Cmd, record io.Writer) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if record == nil {
			done <- cmd.Run()
			return
		}
		out, in, err := os.Pipe()
		if err != nil {
			done <- err
			return
		}
		defer out.Close()
		cmd.ExtraFiles = []*os.File{in}
		err = cmd.Start()
		in.Close()
		if err != nil {
			done <- err
			return
		}
		_, copyErr := io.Copy(record, out)
		if copyErr != nil {
			cmd.Process.Kill() // nobody reads what it records
		}
		done <- errors.Join(copyErr, cmd.Wait())
	}()
	return <-done
}

// recordFD is the number that QEMU knows the pipe by.
const recordFD = 3

// explain says why QEMU did not boot, as far as it can be told from what it said.
func (r *run) explain(said string, err error) error {
	switch {
	case strings.Contains(said, "does not export"):
		return &MissingError{fmt.Sprintf("QEMU %s does not give plugins what the recorder needs: %s", r.qemu.Version, firstLine([]byte(said))),
			"use one that was built with modules, as Debian's is, or set " + QEMUEnv}
	case strings.Contains(said, "-plugin"):
		return &MissingError{fmt.Sprintf("QEMU %s was built without plugins", r.qemu.Version),
			"use one that was built with them, as Debian's is, or set " + QEMUEnv}
	}
	if said = strings.TrimSpace(said); said == "" {
		return fmt.Errorf("recorder: QEMU: %w", err)
	}
	return fmt.Errorf("recorder: QEMU: %w: %s", err, said)
}

// cpuTime is what a program that has ended has used.
func cpuTime(cmd *exec.Cmd) time.Duration {
	if cmd.ProcessState == nil {
		return 0
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// tail keeps the last line that a program wrote that is no warning.
type tail struct{ text []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	const most = 1 << 12
	t.text = append(t.text, p...)
	if over := len(t.text) - most; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// String is the last line.
func (t *tail) String() string {
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if !strings.Contains(lines[i], "warning:") {
			return strings.TrimSpace(lines[i])
		}
	}
	return ""
}
