package search

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestDiskFull searches in a folder that is too small, and makes it larger until the search fits:
// each time it goes on where it was. Only root may mount such a folder.
func TestDiskFull(t *testing.T) {
	a := questions()["small pvdp"]
	j := a.job(t)
	dir := t.TempDir()
	mount := func(flags uintptr, room int) error {
		return syscall.Mount("none", dir, "tmpfs", flags, fmt.Sprintf("size=%d", room))
	}
	room := 16 << 10
	if err := mount(0, room); err != nil {
		t.Skipf("A FULL DISK IS NOT TESTED, no folder can be mounted: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	for full := 0; ; full++ {
		got, err := run(t.Context(), j, dir, 3, attempts(1))
		if err == nil {
			same(t, got, beside(t, j))
			if full < 3 {
				t.Errorf("the folder was too small %d times only", full)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%d bytes: %v", room, err)
		}
		if room *= 2; mount(syscall.MS_REMOUNT, room) != nil {
			t.Fatal(room)
		}
	}
}
