//go:build unix

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangupSaves holds that a terminal that goes away is told like any other end.
func TestHangupSaves(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a progress line")
	}
	cmd, out := start(t, "explore", "pvdp", "--frames=7", "--depth=0", "--progress=always", "--workers=1", "--save=", "--checkpoint", t.TempDir())
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says all
	if code := cmd.ProcessState.ExitCode(); code != exitStopped || !strings.Contains(out.String(), "stopped by interrupt") {
		t.Errorf("exit %d, %s", code, out.String())
	}
}

// TestStopsWhileReading sends SIGTERM to commands that wait for input that never comes.
func TestStopsWhileReading(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.pt")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes with names here:", err)
	}
	json := filepath.Join(t.TempDir(), "pipe.json")
	if err := syscall.Mkfifo(json, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"replay", pipe}, {"replay", "-"}, {"corpus", "run", pipe}, {"boot", "--check", json}, {"show", "--frames", pipe}, {"boot", json}, {"merge", json},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), asMain+"=1")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // until it listens to signals and reads
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait() // the exit code says all
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second): // half a second on an idle machine
			t.Errorf("%v does not stop", args)
			_ = cmd.Process.Kill() // it is of no use any more
			<-ended
		}
		if code := cmd.ProcessState.ExitCode(); code != exitStopped {
			t.Errorf("%v: exit %d", args, code)
		}
		in.Close()
	}
}
