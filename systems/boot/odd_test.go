package boot_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// TestOddMembers makes odd members and lets them live through random calls: every
// number stands for a machine, of many kinds, and nothing goes wrong with any.
func TestOddMembers(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen()} {
		var numbers []int
		for n := range 400 {
			numbers = append(numbers, n)
		}
		s := kerneltest.New(t, b, kernel.Options{Odd: numbers})
		if len(s.Inits) < 400 || s.Inits[len(s.Inits)-1].Name != boot.OddName(399) {
			t.Fatalf("%s: %d members", b.Name, len(s.Inits))
		}
		m := s.NewModel()
		r := rand.New(rand.NewPCG(1, 2))
		geos, ends := map[string]int{}, map[model.Phase]int{}
		for i := range s.Inits {
			m.Init(i)
			if o := m.CheckInit(); o.Kind != explore.Moved {
				t.Errorf("%s: %s: the start of the day: %v %s", b.Name, s.Inits[i].Name, o.Kind, m.Broken(o))
				continue
			}
			var calls []kernel.Call
			for range 40 {
				codes := m.Enabled(nil)
				code := codes[r.IntN(len(codes))]
				if r.IntN(3) == 0 {
					code = codes[len(codes)-1]
				}
				calls = append(calls, kernel.CallOf(code))
				if o := m.Apply(code); o.Kind != explore.Moved {
					t.Errorf("%s: %s: %v: %v %s %v", b.Name, s.Inits[i].Name, calls, o.Kind, m.Broken(o), m.Crash())
					break
				}
			}
			geos[m.State().L.Geo.Name]++
			ends[m.State().Kernel.Phase]++
		}
		if len(geos) < 4 || ends[model.PhaseZapped] < 10 {
			t.Errorf("%s: geometries %v, phases %v", b.Name, geos, ends)
		}
	}
}

// TestOddNames reads names back, and no others.
func TestOddNames(t *testing.T) {
	for _, n := range []int{0, 7, boot.MaxOdd - 1} {
		if got, ok := boot.OddNumber(boot.OddName(n)); !ok || got != n {
			t.Errorf("%d comes back as %d, %t", n, got, ok)
		}
	}
	for _, bad := range []string{"odd-", "odd--1", "odd-07", "odd-65536", "odd-x", "7", "2level-8f"} {
		if n, ok := boot.OddNumber(bad); ok {
			t.Errorf("%q is odd member %d", bad, n)
		}
	}
}
