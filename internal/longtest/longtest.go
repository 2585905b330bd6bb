// Package longtest says which tests take their long form. By default a test that goes through
// a long list takes a part of it, so that all tests together take a minute or two; CI sets
// PTCHECK_LONG and goes through all of it.
package longtest

import (
	"os"
	"testing"
)

// Env is the variable that asks for the long form, by any value.
const Env = "PTCHECK_LONG"

// On reports whether tests are to take their long form.
func On() bool { return os.Getenv(Env) != "" }

// Part is every n-th element of a list, and the whole list in the long form.
func Part[T any](t testing.TB, list []T, n int) []T {
	t.Helper()
	if On() {
		return list
	}
	var part []T
	for i := 0; i < len(list); i += n {
		part = append(part, list[i])
	}
	t.Logf("%d of %d: %s=1 takes all", len(part), len(list), Env)
	return part
}

// Only skips a test that has no short form.
func Only(t testing.TB) {
	t.Helper()
	if !On() {
		t.Skipf("long: %s=1 runs it, as CI does", Env)
	}
}
