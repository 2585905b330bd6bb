//go:build unix

package wholefile

import (
	"os"
	"path/filepath"
)

// umask is what new files are not allowed. It is found out with a folder, for the
// process's own mask can only be read by setting it, which other goroutines would see.
func umask() os.FileMode {
	dir, err := os.MkdirTemp("", ".ptcheck-umask-*")
	if err != nil {
		return 0o022
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "x")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0o022
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0o022
	}
	return 0o666 &^ info.Mode().Perm()
}
