package drive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// TestGoesOn carries random inputs out with a checker that goes on from call to call and with
// one that counts anew, on sound kernels and on some that go wrong now and then.
func TestGoesOn(t *testing.T) {
	for _, x := range []struct {
		backend *kernel.Backend
		open    func(*kernel.Backend, kernel.Options) (*Boot, error)
		broken  func(*hooks.Ops, *hooks.Funcs)
	}{{boot.Native(), NewBoot, unmapping}, {boot.Xen(), NewBoot, unmapping}, {life.Both(), NewBooted, uncleared}} {
		wrong := 0
		for _, change := range []func(*hooks.Ops, *hooks.Funcs){nil, x.broken} {
			b, err := x.open(x.backend, kernel.Options{Change: systems.Change{Kernel: change}})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 1))
			for range 400 {
				in := randomBytes(r, 1+2*r.IntN(30))
				b.m.GoOn(false)
				want := b.run(in)
				_, calls := b.Path()
				b.m.GoOn(true)
				got := b.run(in)
				if _, again := b.Path(); got != want || !slices.Equal(again, calls) {
					t.Fatalf("%s: %v ends in %s, counted anew in %s", x.backend.Name, calls, b.Broken(got), b.Broken(want))
				}
				if got.Kind != explore.Moved {
					wrong++
				}
			}
		}
		if wrong < 20 {
			t.Errorf("%s: only %d inputs go wrong", x.backend.Name, wrong)
		}
	}
}

// unmapping maps no page of low memory, uncleared leaves entries that are to be cleared.
func unmapping(_ *hooks.Ops, f *hooks.Funcs) { f.MapPage = func(*hooks.Kernel, model.VA, model.PFN) {} }
func uncleared(_ *hooks.Ops, f *hooks.Funcs) { f.Life.ClearPTE = func(*hooks.Kernel, model.VA) {} }
