//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// endingSignals are those that end a command with what it has found so far.
func endingSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
