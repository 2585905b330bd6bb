package cli

import (
	"io"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

// BenchmarkVersion is the program that does nothing but start, within one process.
func BenchmarkVersion(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if code := run(b.Context(), all.Systems(), []string{"--version"}, io.Discard, io.Discard); code != 0 {
			b.Fatal(code)
		}
	}
}
