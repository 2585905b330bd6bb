package all

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/xen"
)

// moves are a packed state and the calls that lead from it to a state.
type moves struct {
	packed []byte
	calls  []uint64
}

// wander collects states of a system by a random walk from each start of day.
func wander(m *kernel.Model, steps int) []moves {
	rng := rand.New(rand.NewPCG(1, 1))
	var out []moves
	for i := range m.Inits() {
		m.Init(i)
		for range steps {
			at := moves{packed: m.Encode(nil)}
			for _, c := range m.Calls(nil) {
				m.Decode(at.packed)
				if m.Apply(c).Kind == explore.Moved {
					at.calls = append(at.calls, c)
				}
			}
			out = append(out, at)
			if len(at.calls) == 0 {
				break
			}
			m.Decode(at.packed)
			m.Apply(at.calls[rng.IntN(len(at.calls))])
			m.Decode(m.Encode(nil))
		}
	}
	return out
}

// TestTransitionsAllocateNothing decodes, applies and encodes along many
// transitions of both systems, without one allocation once all rooms are made.
func TestTransitionsAllocateNothing(t *testing.T) {
	for _, name := range Names() {
		s, err := New(name, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Interleaves() {
			continue // its calls run as coroutines
		}
		m := s.NewModel()
		states := wander(m, 25)
		buf := make([]byte, 0, 1<<12)
		codes := make([]uint64, 0, 1<<8)
		transitions := 0
		sweep := func() {
			for _, at := range states {
				m.Decode(at.packed)
				codes = m.Calls(codes[:0])
				for _, c := range at.calls {
					m.Apply(c)
					buf = m.Encode(buf[:0])
					m.Restore()
					transitions++
				}
			}
		}
		sweep()
		if transitions < 250 {
			t.Fatalf("%s: %d transitions only", name, transitions)
		}
		if allocs := testing.AllocsPerRun(2, sweep); allocs != 0 {
			t.Errorf("%s: %v allocations in %d transitions", name, allocs, transitions/4)
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
	for _, name := range Names() {
		s, err := New(name, kernel.Options{Patch: patch})
		if err != nil {
			t.Fatal(err)
		}
		m := s.NewModel()
		for _, at := range wander(m, 15) {
			m.Decode(at.packed)
			for _, c := range m.Calls(nil) {
				o := m.Apply(c)
				seen[o.Kind]++
				m.Restore()
				if got := m.Encode(nil); !slices.Equal(got, at.packed) {
					t.Fatalf("%s: after %v (%v) the state is not restored", name, kernel.CallOf(c), o.Kind)
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
