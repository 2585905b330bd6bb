// Package wholefile writes files whole or not at all.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write writes a file whole or not at all, and makes its folder if it is not there. A
// file of that name keeps its mode; where the name is a link, what it leads to is
// written. A new file has the mode that the umask leaves of 0666. A device or a pipe is
// no file that could be replaced: it is written to.
func Write(name string, data []byte) error {
	if special(name) {
		return through(name, data)
	}
	if to, err := filepath.EvalSymlinks(name); err == nil {
		name = to
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// The temporary file is made anew, never opened through a link.
	tmp, err := os.CreateTemp(dir, ".ptcheck-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(modeFor(name)), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// special reports whether a name is that of something else than a file or a folder.
func special(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// through writes to what is there.
func through(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// modeFor is the mode of a file that is written.
func modeFor(name string) os.FileMode {
	if info, err := os.Stat(name); err == nil {
		return info.Mode().Perm()
	}
	return 0o666 &^ umask()
}

// ProbeFolder reports why files could not be written into a folder, which is made if
// it is not there. It leaves nothing behind but the folder.
func ProbeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".ptcheck-probe-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Probe reports why a file could not be written.
func Probe(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return &os.PathError{Op: "write", Path: name, Err: errors.New("is a folder")}
	}
	if special(name) {
		return nil // only writing shows
	}
	return ProbeFolder(filepath.Dir(name))
}
