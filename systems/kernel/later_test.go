package kernel_test

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
)

// TestLaterCalls holds that the calls that show once the first ones are made are those that
// another model finds out by itself, whether the calls move, crash or break a rule.
func TestLaterCalls(t *testing.T) {
	seen := map[explore.Kind]int{}
	for _, b := range []*kernel.Backend{boot.Xen(), boot.Buffer(), life.Both(), life.SMP()} {
		later := 0
		for _, patch := range []func(*hooks.Ops, *hooks.Funcs){nil, unfiltered, skipped} {
			s := kerneltest.New(t, b, kernel.Options{Failures: true, Interrupts: true, Preemptions: 1, Change: systems.Change{Kernel: patch}})
			m, other := s.NewModel(), s.NewModel()
			for _, at := range kerneltest.Wander(m, 4) {
				m.Decode(at.Packed)
				got := m.FirstCalls(nil)
				first := len(got)
				for _, c := range got {
					seen[m.Apply(c).Kind]++
					m.Restore()
				}
				got = m.LaterCalls(got)
				other.Decode(at.Packed)
				if want := other.Calls(nil); !slices.Equal(got, want) {
					t.Fatalf("%s: %d calls show later, after %d; by themselves there are %d", b.Name, len(got)-first, first, len(want))
				}
				later += len(got) - first
			}
		}
		if later < 500 {
			t.Errorf("%s: only %d calls show later", b.Name, later)
		}
	}
	for _, k := range []explore.Kind{explore.Moved, explore.Violated, explore.Crashed} {
		if seen[k] < 10 {
			t.Errorf("%d calls %v", seen[k], k)
		}
	}
	t.Log(seen)
}
