package drive

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/hostile"
)

// TestPlantedTargets plants mutants: a target takes those of what it drives, on the
// machines that have what is replaced, and finds them.
func TestPlantedTargets(t *testing.T) {
	for _, x := range []struct {
		target, mutant, system string // no system: refused
	}{
		{"FuzzNativeBoot", "B02", "native"}, {"FuzzXenBoot", "B41", "xen"},
		{"FuzzLife", "L15", "life-native"}, {"FuzzLife", "L04", "life-xen"}, {"FuzzLife", "L07", "life-smp"},
		{"FuzzHypercalls", "X43", "adversary"}, {"FuzzHypercalls", "X44-root", "adversary"},
		{"FuzzHostile", "X01", "hyper"}, {"FuzzHostile", "X32", "hyper"}, {"FuzzHostile", "X47", "hyper"}, {"FuzzHostile", "B02", ""},
		{"FuzzNativeBoot", "B41", ""}, {"FuzzXenBoot", "X43", ""}, {"FuzzLife", "B02", ""}, {"FuzzHypercalls", "B02", ""},
		{"FuzzXenBoot", "none", ""}, {"FuzzNothing", "", ""},
	} {
		d, err := Open(x.target, x.mutant)
		if (err == nil) != (x.system != "") {
			t.Errorf("%s, %s: %v", x.target, x.mutant, err)
		}
		if err != nil {
			continue
		}
		r := rand.New(rand.NewPCG(1, 9))
		found := false
		for range 50_000 {
			if found = d.Run(randomBytes(r, 81)).Kind != explore.Moved; found {
				break
			}
		}
		f, err := d.File()
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.Verdict()
		if err != nil {
			t.Fatal(err)
		}
		if !found || f.System() != x.system || f.Mutant != x.mutant || !v.Fails() {
			t.Errorf("%s, %s: found %t, of %s: %v", x.target, x.mutant, found, f.System(), v)
		}
	}
}

// TestHostileMutants plants each mutant of the hostile guest's: random inputs find it soon.
func TestHostileMutants(t *testing.T) {
	var list []mutants.Mutant
	for _, m := range mutants.All() {
		if m.SystemName() == hostile.System().About().Name {
			list = append(list, m)
		}
	}
	if len(list) < 90 {
		t.Errorf("%d mutants only", len(list))
	}
	for _, m := range longtest.Part(t, list, 9) {
		d, err := Open("FuzzHostile", m.ID)
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		r := rand.New(rand.NewPCG(1, 9))
		n := 0
		for n < 2000 && d.Run(randomBytes(r, 81)).Kind == explore.Moved {
			n++
		}
		if n == 2000 {
			t.Errorf("%s is not found by %d inputs", m.ID, n)
		}
	}
}
