package cputime

import (
	"runtime"
	"testing"
)

// TestUsed: work takes time.
func TestUsed(t *testing.T) {
	if Used() == 0 {
		t.Skip("nobody knows the CPU time on " + runtime.GOOS)
	}
	before, sum := Used(), 0
	for range 1_000_000_000 {
		if sum++; sum%1_000_000 == 0 && Used() > before {
			return
		}
	}
	t.Errorf("%d additions took no time", sum)
}
