//go:build !unix

package wholefile

import "os"

// umask is what files are not allowed unless asked for.
func umask() os.FileMode { return 0o022 }
