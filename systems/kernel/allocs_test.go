package kernel_test

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/xen"
)

// TestTransitionsAllocateNothing decodes, applies and encodes along many
// transitions of each system, without one allocation once all rooms are made.
func TestTransitionsAllocateNothing(t *testing.T) {
	for _, b := range kerneltest.Backends() {
		s := kerneltest.New(t, b, kernel.Options{})
		if s.Interleaves() {
			continue // its calls run as coroutines
		}
		m := s.NewModel()
		states := kerneltest.Wander(m, 25)
		buf := make([]byte, 0, 1<<12)
		codes := make([]uint64, 0, 1<<8)
		transitions := 0
		sweep := func() {
			for _, at := range states {
				m.Decode(at.Packed)
				codes = m.Calls(codes[:0])
				for _, c := range at.Calls {
					m.Apply(c)
					buf = m.Encode(buf[:0])
					m.Restore()
					transitions++
				}
			}
		}
		sweep()
		if transitions < 250 {
			t.Fatalf("%s: %d transitions only", s.Name, transitions)
		}
		if allocs := testing.AllocsPerRun(2, sweep); allocs != 0 {
			t.Errorf("%s: %v allocations in %d transitions", s.Name, allocs, transitions/4)
		}
	}
}

// TestRestoreUndoesApply checks that the working state is what it was after
// every call, whether it moved, crashed or broke a rule.
func TestRestoreUndoesApply(t *testing.T) {
	seen := map[explore.Kind]int{}
	for _, patch := range []func(*hooks.Ops, *hooks.Funcs){nil, unfiltered, skipped} {
		restores(t, patch, seen)
	}
	for _, k := range []explore.Kind{explore.Moved, explore.Crashed, explore.Violated} {
		if seen[k] < 10 {
			t.Errorf("%d calls %v", seen[k], k)
		}
	}
}

func restores(t *testing.T, patch func(*hooks.Ops, *hooks.Funcs), seen map[explore.Kind]int) {
	for _, b := range longtest.Part(t, kerneltest.Backends(), 2) {
		s := kerneltest.New(t, b, kernel.Options{Change: systems.Change{Kernel: patch}})
		m := s.NewModel()
		for _, at := range kerneltest.Wander(m, 15) {
			m.Decode(at.Packed)
			for _, c := range m.Calls(nil) {
				o := m.Apply(c)
				seen[o.Kind]++
				m.Restore()
				if got := m.Encode(nil); !slices.Equal(got, at.Packed) {
					t.Fatalf("%s: after %v (%v) the state is not restored", s.Name, kernel.CallOf(c), o.Kind)
				}
			}
		}
	}
}

// unfiltered makes Xen's init-time setter the plain one.
func unfiltered(o *hooks.Ops, _ *hooks.Funcs) {
	if o.SetPTE[model.VariantInit] != nil {
		o.SetPTE[model.VariantInit] = xen.SetPTE
	}
}

// skipped maps no leaf at all.
func skipped(_ *hooks.Ops, fn *hooks.Funcs) { fn.MapPage = func(*hooks.Kernel, model.VA, model.PFN) {} }
