// Package testlib finds the emulator's library for tests.
package testlib

import (
	"cmp"
	"os"
	"testing"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// Path is the path or name of the library that tests run on.
func Path() string { return cmp.Or(os.Getenv("PTCHECK_UNICORN"), "libunicorn.so.2") }

// Load loads the library, or skips the test and says why.
func Load(t *testing.T) *unicorn.Library {
	t.Helper()
	l, err := unicorn.Load(Path())
	if err != nil {
		t.Skipf("SKIPPED, NOTHING WAS TESTED: %v; PTCHECK_UNICORN names the library", err)
	}
	return l
}
