package drawn_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// TestNames draws machines: each is made again from its name, byte for byte.
func TestNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, kind := range drawn.Kinds() {
		for range 20 {
			b, name, err := drawn.Record(kind, func(_ string, lo, hi int) int { return lo + r.IntN(hi-lo+1) })
			if err != nil {
				t.Fatal(err)
			}
			again, err := drawn.Make(name)
			if err != nil {
				t.Fatal(err)
			}
			if again.Backend != b.Backend || !bytes.Equal(again.State.AppendPacked(nil), b.State.AppendPacked(nil)) {
				t.Errorf("%s comes back as another machine", name)
			}
			if a, k := again.State.L, b.State.L; a.Kernel != k.Kernel {
				t.Errorf("%s: layout %+v comes back as %+v", name, k.Kernel, a.Kernel)
			}
		}
	}
}

// TestAnyNumbers holds that every list of numbers stands for a machine, and that
// those which are simpler do.
func TestAnyNumbers(t *testing.T) {
	r, lists := rand.New(rand.NewPCG(3, 4)), 2
	if longtest.On() {
		lists = 20
	}
	for _, kind := range drawn.Kinds() {
		for range lists {
			numbers := make([]int, r.IntN(60))
			for i := range numbers {
				numbers[i] = r.IntN(1 << r.IntN(31))
			}
			name := drawn.Name(kind, numbers)
			if !drawn.IsName(name) {
				t.Errorf("%s is no name", name)
			}
			if _, err := drawn.Make(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, parsed, err := drawn.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, less := range drawn.Simpler(parsed) {
				n := drawn.Name(kind, less)
				if n == name {
					t.Errorf("%s is simpler than itself", n)
				}
				if _, err := drawn.Make(n); err != nil {
					t.Errorf("%s: %v", n, err)
				}
			}
		}
	}
}

// TestBadNames wants errors for what is no name of a machine.
func TestBadNames(t *testing.T) {
	for _, bad := range []string{
		"", "drawn-", "drawn-xen-tiny-5-0", "drawn-native-tiny-4-1", "drawn-xen-tiny-2-", "drawn-xen-tiny-2-1.", "drawn-xen-tiny-2-x",
		"drawn-xen-tiny-2--1", "drawn-xen-tiny-2-01", "drawn-xen-tiny-2-1.0", "drawn-xen-tiny-2-99999999999", "odd-1",
	} {
		if b, err := drawn.Make(bad); err == nil {
			t.Errorf("%q is %+v", bad, b.State.L.Kernel)
		}
	}
}
