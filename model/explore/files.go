package explore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// PartialError is the error of a search that a file has put an end to: one that could not be read or written,
// since the disk is full perhaps, or that was not as it had been written. The Result that [Run] returns with it
// says what had been found out before.
type PartialError struct {
	Err error // names the file; it wraps the reason, such as syscall.ENOSPC
}

// Error implements error.
func (e *PartialError) Error() string { return e.Err.Error() }

// Unwrap gives access to the reason.
func (e *PartialError) Unwrap() error { return e.Err }

// fileError is the error of a file that could not be read or written, or that is not as it was written.
type fileError struct {
	use string // what the file is for: disk, checkpoint or resume
	err error  // names the file
}

// Error implements error.
func (e *fileError) Error() string { return "explore: " + e.use + ": " + e.err.Error() }

// Unwrap gives access to the reason.
func (e *fileError) Unwrap() error { return e.err }

// damaged is the error for a file that is not as it was written.
func damaged(name, why string, args ...any) error {
	return fmt.Errorf("%s is damaged: %s", name, fmt.Sprintf(why, args...))
}

// fileSystem is what a search needs of the place where its files are. Tests put another in its stead: one
// that is full, or that damages what it is given.
type fileSystem interface {
	// create makes an empty file where there is none.
	create(name string) (file, error)
	// open opens a file for reading.
	open(name string) (file, error)
	rename(from, to string) error
	remove(name string) error
	// sync makes what was created and renamed in a directory last.
	sync(dir string) error
}

// file is a file of a fileSystem.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
}

// osFiles are the files of the operating system.
type osFiles struct{}

func (osFiles) create(name string) (file, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}
func (osFiles) open(name string) (file, error) { return os.Open(name) }
func (osFiles) rename(from, to string) error   { return os.Rename(from, to) }
func (osFiles) remove(name string) error       { return os.Remove(name) }
func (osFiles) sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// writeAll writes all of p.
func writeAll(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// readAll fills p from offset at of a file, which is to be there in full.
func readAll(f file, name string, p []byte, at int64) error {
	for len(p) > 0 {
		n, err := f.ReadAt(p, at)
		p, at = p[n:], at+int64(n)
		switch {
		case len(p) == 0:
		case errors.Is(err, io.EOF) || err == nil && n == 0:
			return damaged(name, "it ends at byte %d", at)
		case err != nil:
			return err
		}
	}
	return nil
}

// checkSize makes sure that a file has the length that was written.
func checkSize(f file, name string, want uint64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < 0 || uint64(info.Size()) != want {
		return damaged(name, "it has %d bytes, %d were written", info.Size(), want)
	}
	return nil
}
