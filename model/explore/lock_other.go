//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package explore

import "errors"

// lockFile fails: this platform has no lock that goes away with its process.
func lockFile(string, int) (unlock func(), err error) { return nil, errors.ErrUnsupported }
