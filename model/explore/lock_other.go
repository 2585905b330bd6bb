//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package explore

// lockDir does nothing: this platform has no lock that goes away with its process.
func lockDir(string) (unlock func(), err error) { return func() {}, nil }
