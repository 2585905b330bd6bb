package life_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
)

// BenchmarkSearch goes to a depth: whole searches take minutes.
func BenchmarkSearch(b *testing.B) {
	kerneltest.BenchmarkSearch(b, 5, life.Native(), life.Xen())
	kerneltest.BenchmarkSearch(b, 2, life.SMP())
}

func BenchmarkTransition(b *testing.B) {
	kerneltest.BenchmarkTransition(b, life.Native(), life.Xen(), life.SMP())
}
