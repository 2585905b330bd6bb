//go:build unix

package main

import (
	"os/exec"
	"syscall"
	"time"
)

// timed runs a command and returns its times, its output and its peak memory in
// KiB. An exit code other than 0 is an error.
func timed(command []string) (timing, string, int64, error) {
	cmd := exec.Command(command[0], command[1:]...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	t := timing{wall: time.Since(start)}
	if cmd.ProcessState == nil {
		return t, string(out), 0, err
	}
	t.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var peak int64
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = int64(u.Maxrss)
	}
	return t, string(out), peak, err
}
