package model

import (
	"slices"
	"testing"
)

// TestInterruption has an interrupt come before each operation of some kernel code: where
// the processor takes none, it comes as soon after as it does, and it comes once.
func TestInterruption(t *testing.T) {
	const off = 3 // the lock whose holder takes no interrupts
	for at, want := range [][]int{{}, {1}, {2}, {5}, {5}, {5}, {}} {
		var came, may []int
		m := bare(t)
		ops := 0
		m.Interruption = &Interruption{At: at, Masked: 1 << off, Watch: func(n int) { may = append(may, n) },
			Handler: func() { came = append(came, ops+1); m.Load(0x9000, 4) }}
		for range 2 {
			ops = 0
			if got := died(m, func() {
				for _, op := range []func(){func() { m.Load(0xa000, 4) }, func() { m.Lock(off) }, m.FlushTLB, func() { m.Unlock(off) }, m.FlushTLB} {
					op()
					ops++
				}
			}); got != "alive" {
				t.Fatal(got)
			}
		}
		if twice := append(slices.Clone(want), want...); !slices.Equal(came, twice) {
			t.Errorf("at operation %d: it came at %v, want %v", at, came, twice)
		}
		if at == 0 && !slices.Equal(may, []int{1, 2, 5, 1, 2, 5}) {
			t.Errorf("it may come at %v", may)
		}
	}
}
