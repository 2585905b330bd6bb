//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package explore

import (
	"errors"
	"os"
	"syscall"
)

// lockFile opens a file with the flags of os.OpenFile and locks it, until unlock is called or the process ends,
// however it ends. It fails with errInUse if another has it, or has removed it meanwhile.
func lockFile(name string, flags int) (unlock func(), err error) {
	f, err := os.OpenFile(name, flags, 0o666)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errInUse
	}
	if err == nil {
		err = stillThere(f, name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// stillThere makes sure that an open file is the one of its name.
func stillThere(f *os.File, name string) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if named, err := os.Stat(name); err != nil || !os.SameFile(opened, named) {
		return errInUse
	}
	return nil
}
