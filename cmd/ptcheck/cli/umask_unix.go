//go:build unix

package cli

import (
	"os"
	"sync"
	"syscall"
)

// umask is the process's file mode creation mask. It can only be read by setting it.
var umask = sync.OnceValue(func() os.FileMode {
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return os.FileMode(mask).Perm()
})
