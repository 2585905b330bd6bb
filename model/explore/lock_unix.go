//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package explore

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir keeps other runs out of a directory until unlock is called or the process ends, however it ends.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("explore: checkpoint: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, refuse("checkpoint", dir+" is in use by another run")
	}
	return func() { f.Close() }, nil
}
