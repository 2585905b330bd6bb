package boot_test

import (
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// realSystem is a system of later kernels on machines of real size.
func realSystem(tb testing.TB, topDown bool, memory model.PFN) *kernel.System {
	tb.Helper()
	return kerneltest.New(tb, boot.Early("real", "machines of real size", func() []systems.EarlyStart {
		return boot.RealSize(topDown, memory)
	}), kernel.Options{})
}

// TestRealSize boots later kernels on machines of real size, every call of theirs, under the
// eyes of all rules.
func TestRealSize(t *testing.T) {
	for _, topDown := range []bool{false, true} {
		s := realSystem(t, topDown, 1<<14)
		m := s.NewModel()
		for i := range s.Inits {
			m.Init(i)
			m.Watch()
			start := time.Now()
			bootWhole(t, m)
			t.Log(topDown, s.Inits[i].Name, time.Since(start))
		}
	}
}
