package boot_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// backends are those of the package.
func backends() []*kernel.Backend {
	return []*kernel.Backend{boot.Native(), boot.Xen(), boot.Buffer(), boot.TopDown()}
}

func BenchmarkSearch(b *testing.B) { kerneltest.BenchmarkSearch(b, 0, backends()...) }

func BenchmarkTransition(b *testing.B) { kerneltest.BenchmarkTransition(b, backends()...) }
