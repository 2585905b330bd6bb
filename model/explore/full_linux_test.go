package explore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRealDiskFull searches on file systems in memory of ever more room, until a search fits: in the long form, and
// only for root, who may mount them.
func TestRealDiskFull(t *testing.T) {
	if os.Getenv("EXPLORE_DAMAGES") == "" {
		t.Skip("EXPLORE_DAMAGES is not set")
	}
	f := newPVDP(4, 2, 1, 0, false)
	want := explored(t, f, Options{})
	for _, use := range []string{"disk", "checkpoint"} {
		full := 0
		for room := 64 << 10; ; room = room * 3 / 2 {
			dir := t.TempDir()
			if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", room)); err != nil {
				t.Skipf("cannot mount: %v", err)
			}
			opt := Options{Disk: dir, MaxMemory: diskLeast}
			if use == "checkpoint" {
				opt = saving(Options{CheckpointEvery: time.Millisecond}, dir)
			}
			r, err := Run(context.Background(), f, opt)
			half, _ := os.ReadDir(dir)
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
			if err == nil {
				if r.States != want.States || r.Transitions != want.Transitions || !r.Complete {
					t.Errorf("%s in %d bytes: %+v", use, room, r)
				}
				break
			}
			full++
			var partial *PartialError
			if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &partial) {
				t.Errorf("%s in %d bytes: %v", use, room, err)
			}
			for _, e := range half {
				if use == "disk" || strings.HasSuffix(e.Name(), ".new") {
					t.Errorf("%s in %d bytes: %s is left", use, room, e.Name())
				}
			}
		}
		if full < 5 {
			t.Errorf("%s: only %d were too small", use, full)
		}
	}
}
