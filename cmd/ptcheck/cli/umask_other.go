//go:build !unix

package cli

import "os"

// umask is what files are not allowed unless asked for.
func umask() os.FileMode { return 0o022 }
