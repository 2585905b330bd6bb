package explore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// folderPrefix begins the names of the folders of searches on disk.
	folderPrefix = "explore-"
	// statesName and runPrefix name the files in such a folder, with lockName the only ones that are ever
	// removed from one.
	statesName = "states"
	runPrefix  = "run-"
	lockName   = "lock"
)

// errInUse is the error of lockDir for a directory that another run has locked.
var errInUse = errors.New("in use by another run")

// lockDir keeps other runs out of a directory until unlock is called or the process ends.
func lockDir(dir string) (unlock func(), err error) {
	return lockFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR)
}

// folder is where a search on disk has its files. It is locked as long as the search lives, so that one whose
// process was killed can be told from one that is at work.
type folder struct {
	path   string
	unlock func()
}

// newFolder makes a folder below parent, and removes those there whose searches are dead.
func newFolder(parent string) (folder, error) {
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return folder{}, ioError(err)
	}
	reap(parent)
	for {
		dir, err := os.MkdirTemp(parent, folderPrefix)
		if err != nil {
			return folder{}, ioError(err)
		}
		unlock, err := lockDir(dir)
		switch {
		case err == nil:
			return folder{dir, unlock}, nil
		case errors.Is(err, errInUse) || errors.Is(err, fs.ErrNotExist):
			// Another search that began at this moment took it for a dead one: make another.
		default:
			// Nothing can be locked here. Without the file it is never taken for a dead one.
			_ = os.Remove(filepath.Join(dir, lockName))
			return folder{dir, func() {}}, nil
		}
	}
}

// reap removes what killed searches have left behind in a directory. What cannot be removed is left for another
// time.
func reap(parent string) {
	all, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range all {
		dir := filepath.Join(parent, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), folderPrefix) {
			continue
		}
		unlock, err := lockFile(filepath.Join(dir, lockName), os.O_RDWR)
		switch {
		case err == nil:
			folder{dir, unlock}.remove()
		case errors.Is(err, fs.ErrNotExist):
			_ = os.Remove(dir) // it was killed before it had a lock: then there is nothing in it
		}
	}
}

// remove deletes the folder. The lock goes last, so that what is left if this is interrupted can be told from a
// folder that is in use; and so does nothing that is not a search's.
func (f folder) remove() {
	defer f.unlock()
	all, err := os.ReadDir(f.path)
	if err != nil {
		return
	}
	for _, e := range all {
		if name := e.Name(); name == statesName || strings.HasPrefix(name, runPrefix) {
			_ = os.Remove(filepath.Join(f.path, name)) // the next search tries again
		}
	}
	_ = os.Remove(filepath.Join(f.path, lockName))
	_ = os.Remove(f.path)
}
